# A receiver on aiohttp that verifies signatures with the library of Standard Webhooks. Prints its port, then for each
# request a line of JSON: whether it verified, method, id, and body. Arguments: the secret.
import asyncio
import json
import sys

from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

verifier = Webhook(sys.argv[1])


async def receive(request: web.Request) -> web.Response:
    body = await request.read()
    try:
        verifier.verify(body, dict(request.headers))
        verified = True
    except WebhookVerificationError:
        verified = False
    seen = {"verified": verified, "method": request.method, "id": request.headers.get("webhook-id"), "body": body.decode()}
    print(json.dumps(seen), flush=True)
    return web.json_response({"ok": verified}, status=202 if verified else 401)


async def main() -> None:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receive)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
