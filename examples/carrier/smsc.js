#!/usr/bin/env node
// A scripted SMSC (SMPP 3.4): the last two digits of the destination choose what becomes of a message; README.md has the table.
//
//   node smsc.js --port 2775 --modules FOLDER [options]        FOLDER holds node_modules/smpp
//
//   --host 127.0.0.1   --system-id esme   --password secret
//   --tls-key FILE --tls-cert FILE     TLS instead of plain TCP
//   --receipts both       both | text | tlv | none: what a receipt carries
//   --ids hex             hex | dec | mixed (mixed: hex in submit_sm_resp, decimal in the receipt)
//   --delay-ms 0          from submit_sm_resp to the receipt          --slow-ms 3000   delay of the answer for code 21
//   --redeliver-ms 500    wait before a refused receipt comes again   --window 100     unanswered receipts on one bind
//   --rate 0              submits a second before ESME_RTHROTTLED (0: no limit)
//   --behave normal       normal | mute (takes connections, answers nothing) | close (cuts each connection at once)
//   --journal FILE        one JSON line for each submit and each receipt that was acknowledged, written before the answer leaves.
//                         A new start with the same file goes on: ids continue, receipts that nobody acknowledged are owed.
//
// Standard input takes one JSON object a line: {"deliver": {deliver_sm fields}}, {"rate": 50}, {"cut": true}, {"unbind": true},
// {"delay_ms": 200}, {"behave": "mute"}, {"raw": "hex octets for every bind"}; each is answered by the line "done" on standard output.
'use strict';
const fs = require('fs');
const path = require('path');
const readline = require('readline');
const { parseArgs } = require('util');

const text = (name, value) => [name, { type: 'string', default: value }];
const { values: opt } = parseArgs({ options: Object.fromEntries([
  text('port', '2775'), text('host', '127.0.0.1'), text('system-id', 'esme'), text('password', 'secret'), text('modules', ''),
  text('tls-key', ''), text('tls-cert', ''), text('receipts', 'both'), text('ids', 'hex'), text('delay-ms', '0'),
  text('slow-ms', '3000'), text('redeliver-ms', '500'), text('window', '100'), text('rate', '0'), text('behave', 'normal'),
  text('journal', '')]) });
const smpp = require(opt.modules ? path.resolve(opt.modules, 'node_modules', 'smpp') : 'smpp');

// ------------------------------------------------------------------------------------------------------------ the script
const STATES = { ENROUTE: 1, DELIVRD: 2, EXPIRED: 3, DELETED: 4, UNDELIV: 5, ACCEPTD: 6, UNKNOWN: 7, REJECTD: 8, FAILED: 9, LIMBO: 42 };
const INTERMEDIATE = ['ENROUTE', 0x20];
const EARLY_MS = 100, BETWEEN_MS = 200, REMEMBERED = 2_000_000;
// receipts: in order. error: GSM code of the receipts. refuse: command_status; once: only the first time a number is seen.
// ends: what query_sm says at the end where no receipt says it.
const SCRIPT = {
  '00': { receipts: ['DELIVRD'] }, '01': { receipts: ['EXPIRED'] }, '02': { receipts: ['DELETED'] }, '03': { receipts: ['UNDELIV'] },
  '04': { receipts: ['ACCEPTD'] }, '05': { receipts: ['UNKNOWN'] }, '06': { receipts: ['REJECTD'] },
  '07': { receipts: ['UNDELIV'], error: 1 }, '08': { receipts: ['FAILED'] }, '09': { receipts: ['LIMBO'] },
  10: { refuse: smpp.ESME_RINVDSTADR }, 11: { refuse: smpp.ESME_RSUBMITFAIL }, 12: { refuse: smpp.ESME_RTHROTTLED, once: true },
  13: { refuse: smpp.ESME_RMSGQFUL }, 14: { lost: true }, 15: { lost: true, cut: true }, 16: { receipts: ['DELIVRD'], early: true },
  17: { receipts: ['UNDELIV', 'DELIVRD'] }, 18: { receipts: ['DELIVRD', 'DELIVRD'] }, 19: { receipts: [] },
  20: { receipts: ['DELIVRD'], says: 'STOP' }, 21: { receipts: ['DELIVRD'], slow: true }, 22: { refuse: 0x400 },
  23: { receipts: [INTERMEDIATE, 'DELIVRD'] }, 24: { receipts: [], ends: 'DELIVRD' }, 25: { refuse: smpp.ESME_RTHROTTLED },
  26: { receipts: ['DELIVRD'], first: 'foreign' }, 27: { receipts: ['DELIVRD'], first: 'broken' },
  28: { receipts: ['DELIVRD', INTERMEDIATE] }, 29: { receipts: [], nameless: true }, 30: { refuse: smpp.ESME_RSYSERR, once: true },
  31: { receipts: ['DELIVRD'], unbinds: true }, 32: { receipts: ['DELIVRD'], raw: '00000007' }, 33: { nack: smpp.ESME_RINVCMDLEN },
  34: { receipts: ['DELIVRD'], cut: true }, 35: { receipts: ['DELIVRD'], mute: true },
};
const scriptOf = (number) => SCRIPT[number.slice(-2)] || SCRIPT['00'];

// ------------------------------------------------------------------------------------- what is remembered, and the journal
const messages = new Map();      // id -> { to, from, state, final, cancelled }
const seen = new Set(), receivers = new Set(), links = new Set();
const count = { accepted: 0, refused: 0, receipts: 0, receipts_refused: 0 };
const owed = { items: [], head: 0 };
let next = 1, tokens = Number(opt.rate), filled = Date.now();
let journal = null, lines = [], answers = [], flushing = false;

function flush() {               // one write for the lines of a turn of the loop, and only then the answers
  flushing = false;
  if (lines.length && journal !== null) fs.writeSync(journal, lines.join(''));
  lines = [];
  const ready = answers;
  answers = [];
  const corked = new Set();
  for (const [link] of ready) if (!corked.has(link)) { link.socket.cork(); corked.add(link); }
  for (const [link, act] of ready) act(link);
  for (const link of corked) link.socket.uncork();
}
function note(line) {
  if (journal !== null) lines.push(JSON.stringify({ at: Date.now(), ...line }) + '\n');
  soon();
}
function soon() { if (!flushing) { flushing = true; setImmediate(flush); } }
const reply = (link, act) => { answers.push([link, act]); soon(); };

function remember(id, to, from) {
  messages.set(id, { to, from, state: 'ENROUTE', final: false, cancelled: false });
  if (messages.size > REMEMBERED) messages.delete(messages.keys().next().value);
}
function idOf(number) { return opt.ids === 'dec' ? String(number).padStart(10, '0') : number.toString(16).padStart(8, '0'); }

function resume(file) {          // what an SMSC that was killed still knows
  const due = new Map();
  for (const line of fs.existsSync(file) ? fs.readFileSync(file, 'utf8').split('\n') : []) {
    let one;
    try { one = JSON.parse(line); } catch { continue; }           // the last line may be torn
    if (one.kind === 'submit') seen.add(one.to);
    if (one.kind === 'submit' && one.id) {
      next++;
      count.accepted++;
      remember(one.id, one.to, one.from);
      if (one.due.length) due.set(one.id, { to: one.to, from: one.from, words: one.due });
    } else if (one.kind === 'told' && due.has(one.id)) {
      const { words } = due.get(one.id);
      words.splice(Math.max(words.indexOf(one.state), 0), 1);       // a cancelled message tells DELETED instead
    }
  }
  journal = fs.openSync(file, 'a');
  for (const [id, { to, from, words }] of due) for (const word of words) owe(receipt(id, word), null);
}

// -------------------------------------------------------------------------------------------------------------- receipts
const stamp = () => new Date().toISOString().slice(2, 16).replace(/[-T:]/g, '');

function receipt(id, word) {
  const message = messages.get(id);
  const [stat, esmClass] = Array.isArray(word) ? word : [message.cancelled ? 'DELETED' : word, word === 'ENROUTE' ? 0x20 : 0x04];
  const state = STATES[stat];
  if (esmClass === 0x04) { message.state = stat; message.final = state !== 6; }
  const shown = opt.ids === 'mixed' ? String(parseInt(id, 16)) : id;
  const error = state <= STATES.EXPIRED ? 0 : scriptOf(message.to).error || 34;
  const fields = { source_addr: message.to, destination_addr: message.from, source_addr_ton: 1, source_addr_npi: 1, esm_class: esmClass,
    short_message: opt.receipts === 'tlv' ? '' : `id:${shown} sub:001 dlvrd:${state === 2 ? '001' : '000'} submit date:${stamp()} `
      + `done date:${stamp()} stat:${stat} err:${String(error).padStart(3, '0')} text:` };
  if (opt.receipts !== 'text') {
    fields.receipted_message_id = shown;
    fields.message_state = state;
    fields.network_error_code = Buffer.from([3, 0, error]);
  }
  return { id, stat, fields };
}
const inbound = (from, to, said) => ({ id: '', stat: 'MO', fields: { source_addr: from, destination_addr: to, source_addr_ton: 1,
  source_addr_npi: 1, esm_class: 0, short_message: said } });

function owe(news, origin) { owed.items.push([news, origin]); pump(); }
function pump() {                // to the bind that sent the message, else to any; never more than the window on one bind
  const open = (link) => receivers.has(link) && link.unanswered.size < Number(opt.window);
  while (owed.head < owed.items.length) {
    const [news, origin] = owed.items[owed.head];
    let link = origin && open(origin) ? origin : undefined;
    if (!link) for (const other of receivers) if (open(other)) { link = other; break; }
    if (!link) return;
    owed.items[owed.head++] = undefined;
    deliver(link, news);
  }
  owed.items = [];
  owed.head = 0;
}
function deliver(link, news) {
  link.unanswered.add(news);
  link.deliver_sm({ ...news.fields }, (answer) => {
    link.unanswered.delete(news);
    if (answer.command_status === 0) {
      count.receipts++;
      note({ kind: 'told', id: news.id, state: news.stat, to: news.fields.source_addr });
      pump();
      return;
    }
    count.receipts_refused++;
    note({ kind: 'told_in_vain', id: news.id, state: news.stat, status: answer.command_status });
    setTimeout(() => owe(news, link), Number(opt['redeliver-ms']));
  });
}

// --------------------------------------------------------------------------------------------------------------- submits
function throttled() {
  const rate = Number(opt.rate);
  if (!rate) return false;
  const now = Date.now();
  tokens = Math.min(rate, tokens + (now - filled) * rate / 1000);
  filled = now;
  if (tokens < 1) return true;
  tokens--;
  return false;
}
const plain = (value) => Buffer.isBuffer(value) ? value.toString('hex') : value;
function contents(pdu) {         // for the journal: what a test wants to compare
  const carrier = pdu.message_payload || pdu.short_message || {};
  const out = { command: pdu.command, to: pdu.destination_addr || '', from: pdu.source_addr || '', coding: pdu.data_coding,
    text: plain(carrier.message ?? carrier) };
  if (pdu.validity_period) out.validity = pdu.validity_period;
  const udh = (carrier.udh || []).find((one) => one[0] === 0 || one[0] === 8);
  if (udh) out.part = udh[0] === 0 ? [udh[2], udh[3], udh[4]] : [udh.readUInt16BE(2), udh[4], udh[5]];
  if (pdu.sar_msg_ref_num !== undefined) out.part = [pdu.sar_msg_ref_num, pdu.sar_total_segments, pdu.sar_segment_seqnum];
  for (const key of Object.keys(pdu)) {
    if (/^\d+$/.test(key)) (out.tlvs ||= {})['0x' + Number(key).toString(16).padStart(4, '0')] = plain(pdu[key]);
  }
  return out;
}

function submit(link, pdu) {
  const facts = contents(pdu), script = scriptOf(facts.to), again = seen.has(facts.to);
  const refuse = (status) => {
    count.refused++;
    note({ kind: 'submit', ...facts, status });
    reply(link, () => link.send(pdu.response({ command_status: status })));
  };
  if (!link.bound || link.bound === 'bind_receiver') return refuse(smpp.ESME_RINVBNDSTS);
  if (throttled()) return refuse(smpp.ESME_RTHROTTLED);
  seen.add(facts.to);
  if (script.refuse !== undefined && !(script.once && again)) return refuse(script.refuse);
  if (script.nack !== undefined) {
    note({ kind: 'submit', ...facts, status: script.nack });
    return reply(link, () => link.generic_nack({ command_status: script.nack, sequence_number: pdu.sequence_number }));
  }
  if (script.lost) {
    note({ kind: 'submit', ...facts, status: -1 });
    return script.cut ? reply(link, () => link.destroy()) : undefined;
  }
  return accept(link, pdu, facts, script);
}

function accept(link, pdu, facts, script) {
  const id = idOf(next++), asked = opt.receipts !== 'none' && (pdu.registered_delivery & 3) !== 0;
  const words = asked ? script.receipts || ['DELIVRD'] : [];
  count.accepted++;
  remember(id, facts.to, facts.from);
  note({ kind: 'submit', ...facts, status: 0, id, due: words.map((word) => Array.isArray(word) ? word[0] : word) });
  const named = () => link.send(pdu.response({ message_id: script.nameless ? '' : id }));
  if (script.cut) reply(link, () => link.destroy());
  else if (script.early) setTimeout(() => reply(link, named), EARLY_MS);
  else if (script.slow) setTimeout(() => reply(link, named), Number(opt['slow-ms']));
  else if (!script.mute) reply(link, named);
  if (script.unbinds) reply(link, () => link.unbind(() => link.close()));
  if (script.raw) reply(link, () => link.socket.write(Buffer.from(script.raw, 'hex')));
  const begin = script.early ? 0 : Number(opt['delay-ms']) + (script.slow ? Number(opt['slow-ms']) : 0);
  const later = (ms, act) => setTimeout(() => reply(link, act), ms);          // never before the answer of the same turn
  if (script.says) later(begin, () => owe(inbound(facts.to, facts.from, script.says), link));
  if (script.ends) later(begin, () => Object.assign(messages.get(id), { state: script.ends, final: true }));
  if (script.first === 'foreign') later(begin, () => owe(foreign(id), link));
  if (script.first === 'broken') later(begin, () => owe(broken(id), link));
  words.forEach((word, n) => later(begin + (n + (script.first ? 1 : 0)) * BETWEEN_MS, () => owe(receipt(id, word), link)));
}
function foreign(id) {           // a receipt for a message that nobody here was ever given
  const news = receipt(id, 'DELIVRD');
  const unknown = opt.ids === 'mixed' ? '4294967295' : 'ffffffff';
  news.fields.short_message = news.fields.short_message && news.fields.short_message.replace(/^id:\S+/, `id:${unknown}`);
  if (news.fields.receipted_message_id) news.fields.receipted_message_id = unknown;
  return { ...news, id: '' };
}
function broken(id) {            // a receipt by its esm_class whose text nobody can read
  const { to, from } = messages.get(id);
  return { id: '', stat: 'BROKEN', fields: { source_addr: to, destination_addr: from, esm_class: 0x04,
    short_message: Buffer.from('69643a20737461743a20ff00fe6572723a3a3a', 'hex') } };
}

// ------------------------------------------------------------------------------------------- questions about a message
function question(link, pdu) {
  const message = messages.get(pdu.message_id);
  note({ kind: pdu.command, id: pdu.message_id });
  const failed = { query_sm: smpp.ESME_RQUERYFAIL, cancel_sm: smpp.ESME_RCANCELFAIL, replace_sm: smpp.ESME_RREPLACEFAIL }[pdu.command];
  if (!message || (message.final && pdu.command !== 'query_sm')) {
    return reply(link, () => link.send(pdu.response({ command_status: failed })));
  }
  if (pdu.command === 'cancel_sm') Object.assign(message, { cancelled: true, state: 'DELETED', final: true });
  return reply(link, () => link.send(pdu.response(pdu.command !== 'query_sm' ? {}
    : { message_id: pdu.message_id, final_date: message.final ? new Date() : '', message_state: STATES[message.state], error_code: 0 })));
}

function bind(link, kind, pdu) {
  const status = link.bound ? smpp.ESME_RALYBND : pdu.system_id !== opt['system-id'] ? smpp.ESME_RINVSYSID
    : pdu.password === opt.password ? smpp.ESME_ROK : smpp.ESME_RINVPASWD;
  note({ kind, system_id: pdu.system_id, status });
  if (status) return reply(link, () => link.send(pdu.response({ command_status: status })));
  link.bound = kind;
  return reply(link, () => {
    link.send(pdu.response({ system_id: 'simulator', sc_interface_version: 0x34 }));
    if (kind === 'bind_transmitter') return;
    receivers.add(link);
    pump();
  });
}

function session(link) {
  link.on('error', () => link.destroy());          // a malformed PDU ends the link, as a real SMSC would
  if (opt.behave === 'close') { link.destroy(); return; }
  links.add(link);
  link.unanswered = new Set();
  link.on('close', () => {
    links.delete(link);
    receivers.delete(link);
    for (const news of link.unanswered) owed.items.push([news, null]);
    link.unanswered.clear();
    pump();
  });
  const on = (kinds, act) => kinds.forEach((kind) => link.on(kind, (pdu) => { if (opt.behave !== 'mute') act(pdu, kind); }));
  on(['bind_transceiver', 'bind_transmitter', 'bind_receiver'], (pdu, kind) => bind(link, kind, pdu));
  on(['enquire_link'], (pdu) => reply(link, () => link.send(pdu.response())));
  on(['unbind'], (pdu) => reply(link, () => { link.send(pdu.response()); link.close(); }));
  on(['submit_sm', 'data_sm'], (pdu) => submit(link, pdu));
  on(['query_sm', 'cancel_sm', 'replace_sm'], (pdu) => question(link, pdu));
  on(['submit_multi'], (pdu) => reply(link, () => link.send(pdu.response({ command_status: smpp.ESME_RINVCMDID }))));
  on(['unknown'], (pdu) => reply(link, () => link.send(pdu.response())));     // generic_nack, ESME_RINVCMDID
}

function order(line) {
  const one = JSON.parse(line);
  if (one.deliver) owe({ id: '', stat: 'MO', fields: one.deliver }, null);
  if (one.rate !== undefined) opt.rate = String(one.rate);
  if (one.delay_ms !== undefined) opt['delay-ms'] = String(one.delay_ms);
  if (one.behave) opt.behave = one.behave;
  if (one.raw) for (const link of links) link.socket.write(Buffer.from(one.raw, 'hex'));
  if (one.unbind) for (const link of links) if (link.bound) link.unbind(() => link.close());
  if (one.cut) for (const link of links) link.destroy();
  console.log('done');
}

if (opt.journal) resume(opt.journal);
const tls = opt['tls-key'] ? { key: fs.readFileSync(opt['tls-key']), cert: fs.readFileSync(opt['tls-cert']) } : {};
const server = smpp.createServer(tls, session);
server.listen(Number(opt.port), opt.host, () => console.log(`listening ${opt.host}:${server.address().port}`));
readline.createInterface({ input: process.stdin }).on('line', order);
process.on('SIGTERM', () => {
  flush();
  console.log(JSON.stringify({ ...count, owed: owed.items.length - owed.head }));
  process.exit(0);
});
