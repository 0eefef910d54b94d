"""A server of python-socketio for client-servers.test.mjs: prints "listening PORT"."""
import asyncio
import socket

import socketio
from aiohttp import web

sio = socketio.AsyncServer(async_mode="aiohttp")


@sio.event
async def connect(sid, environ, auth):
    if auth and auth.get("token") == "bad":
        raise socketio.exceptions.ConnectionRefusedError("not you", {"code": 401})


@sio.on("echo")
async def echo(sid, *args):
    await sio.emit("echo", args, to=sid)


@sio.on("ask")
async def ask(sid, *args):
    return args


@sio.on("question")
async def question(sid, *args):
    async def answered(*answers):
        await sio.emit("answered", answers, to=sid)

    await sio.emit("question", args, to=sid, callback=answered)


@sio.on("kick")
async def kick(sid):
    await sio.disconnect(sid)


@sio.on("ask", namespace="/chat")
async def ask_in_chat(sid, *args):
    return args


async def main():
    app = web.Application()
    sio.attach(app)
    runner = web.AppRunner(app)
    await runner.setup()
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    await web.SockSite(runner, listener).start()
    print("listening", listener.getsockname()[1], flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
