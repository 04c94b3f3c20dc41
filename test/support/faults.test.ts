// The tools that harm links do what they say, or the tests that use them prove nothing.
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { createNetns } from './netns.js'
import { TcpProxy } from './tcp-proxy.js'

const echo = async (t: ExecutionContext, host = '127.0.0.1'): Promise<number> => {
  const sockets: Socket[] = []
  const server = createServer({ allowHalfOpen: true }, socket => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.pipe(socket)
  })
  server.listen(0, host)
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    // Of a host whose cable was pulled no end is heard.
    for (const socket of sockets) socket.destroy()
  })
  return (server.address() as { port: number }).port
}

const through = async (t: ExecutionContext): Promise<{ proxy: TcpProxy; socket: Socket; heard: () => number }> => {
  const proxy = await TcpProxy.start(await echo(t))
  const socket = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true })
  socket.on('error', () => {})
  let heard = 0
  socket.on('data', chunk => {
    heard += chunk.length
  })
  await once(socket, 'connect')
  t.teardown(async () => {
    socket.destroy()
    await proxy.stop()
  })
  return { proxy, socket, heard: () => heard }
}

const hears = async (count: number, heard: () => number): Promise<number> => {
  const start = performance.now()
  while (heard() < count && performance.now() - start < 5000) await sleep(2)
  return (performance.now() - start) / 1000
}

test('a proxied link passes on, delays, and keeps to its rate', async t => {
  const { proxy, socket, heard } = await through(t)
  socket.write(Buffer.alloc(1_000_000))
  t.true((await hears(1_000_000, heard)) < 2)
  proxy.quality.delayMs = 100
  socket.write('x')
  const delayed = await hears(1_000_001, heard)
  t.true(delayed >= 0.19 && delayed < 1, `${delayed}`)
  proxy.quality.delayMs = 0
  proxy.quality.bytesPerSecond = 50_000
  socket.write(Buffer.alloc(20_000))
  const slow = await hears(1_020_001, heard)
  t.true(slow > 0.3 && slow < 3, `${slow}`)
  t.is(heard(), 1_020_001)
})

test('a proxied link is cut after as many bytes as it was told', async t => {
  const { proxy, socket, heard } = await through(t)
  proxy.quality.cutAfterBytes = 1000
  socket.write(Buffer.alloc(600))
  await hears(600, heard)
  t.is(heard(), 600)
  socket.write(Buffer.alloc(600))
  await new Promise(resolve => socket.once('close', resolve))
  t.true(heard() <= 1000)
})

test('a frozen link swallows nothing and tells nothing, and a half-closed one still hears', async t => {
  const { proxy, socket, heard } = await through(t)
  proxy.quality.frozen = true
  socket.write('held')
  await sleep(100)
  t.is(heard(), 0)
  proxy.quality.frozen = false
  await hears(4, heard)
  t.is(heard(), 4)
  const ended = once(socket, 'end')
  proxy.halfClose('client')
  await ended
  t.false(socket.destroyed)
})

test('hosts in network namespaces reach the root namespace until their cable is pulled', async t => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    await t.throwsAsync(createNetns(1), { message: /need (Linux|root)/ })
    return
  }
  const netns = await createNetns(2)
  t.teardown(() => netns.close())
  const [host] = netns.hosts
  if (!host) return t.fail()
  const port = await echo(t, host.gateway)
  const script = `const s=require('net').connect(${port},'${host.gateway}');s.on('data',d=>console.log(String(d)));setInterval(()=>s.write('tick'),20)`
  const child = host.spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  let ticks = 0
  child.stdout?.on('data', () => ticks++)
  await hears(3, () => ticks)
  t.true(ticks >= 3)
  await host.linkDown()
  await sleep(100)
  const down = ticks
  await sleep(200)
  t.is(ticks, down)
  t.is(child.exitCode, null)
  await host.linkUp()
  await hears(down + 1, () => ticks)
  t.true(ticks > down)
})
