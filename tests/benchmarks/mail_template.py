"""The template of the e-mail benchmark, and the values of each recipient: the same for both sides."""

from __future__ import annotations

from typing import Any

SUBJECT = "Your order {{ order.id }}, {{ name }}"
MJML = """<mjml><mj-head><mj-attributes><mj-all font-family="Arial" /></mj-attributes></mj-head><mj-body>
<mj-section><mj-column><mj-image src="https://shop.example.com/logo.png" alt="Shop" width="120px" />
<mj-text font-size="20px">Thank you, {{ name }}.</mj-text>
<mj-text>Your order {{ order.id }} of {{ order.day }} goes to {{ order.city }}.</mj-text>
<mj-table><tr><th>Item</th><th>Price</th></tr>
{% for item in items %}<tr><td>{{ item.name }}</td><td>{{ item.price }}</td></tr>{% endfor %}
</mj-table>{% if vip %}<mj-text>Delivery is free for you.</mj-text>{% endif %}
<mj-button href="https://shop.example.com/orders/{{ order.id }}">See the order</mj-button>
<mj-text font-size="11px">Shop Ltd, 1 Street, Town</mj-text></mj-column></mj-section></mj-body></mjml>"""
TEXT = """Thank you, {{ name }}.

Your order {{ order.id }} of {{ order.day }} goes to {{ order.city }}.

{% for item in items %}{{ item.name }}  {{ item.price }}
{% endfor %}{% if vip %}
Delivery is free for you.
{% endif %}
See the order (https://shop.example.com/orders/{{ order.id }})

Shop Ltd, 1 Street, Town
"""
SENDER, SENDER_NAME, DOMAIN = "orders@brand.example.com", "Br\u00e4nd orders", "brand.example.com"


def values_of(number: int) -> dict[str, Any]:
    """What one recipient's message is filled with."""
    return {
        "name": f"Zo\u00eb Customer {number}",
        "order": {"id": 1_000_000 + number, "day": "2026-11-23", "city": "K\u00f6ln"},
        "items": [{"name": f"Socks <{one}>", "price": f"{number % 90 + one}.90"} for one in range(3)],
        "vip": number % 2 == 0,
    }


def recipient_of(number: int) -> str:
    """Where it goes."""
    return f"customer{number}@inbox{number % 50}.example.org"
