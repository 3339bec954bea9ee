import time, resource
async def test_speed(tenant):
    async def rows(n):
        for start in range(0, n, 10000):
            yield b"".join(b"9198%08d\n" % k for k in range(start, start + 10000))
    for n in (10_000, 1_000_000):
        t=time.time()
        a = await tenant.post("/lists/blacklist/import", content=rows(n), headers={"Content-Type":"text/csv"}, timeout=200)
        assert a.status_code==200, a.text
        print(n, time.time()-t, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, a.json()["change"]["added"])
