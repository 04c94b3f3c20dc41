// What daemons keep together, on Debian's NATS server and on the newest one: revisions are held to, journals have one writer.
import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { type Store, StoreConflict, StoreFailure } from '../../proto/store.js'
import { openStore } from '../../proto/transport/open.js'
import { newestServer, stableServer } from '../support/nats-binaries.js'
import { NatsServer } from '../support/nats-server.js'
import { TcpProxy } from '../support/tcp-proxy.js'
import { bytes, text, until } from '../transport.contract.js'

for (const [name, binary] of [
  ["Debian's nats-server", stableServer],
  ['the newest nats-server', newestServer],
] as const) {
  const open = async (t: ExecutionContext): Promise<{ server: NatsServer; store: Store; another: Store }> => {
    const server = await NatsServer.start(await binary())
    t.teardown(() => server.stop())
    const [store, another] = await Promise.all(['a', 'b'].map(who => openStore({ url: server.url }, who)))
    if (store === undefined || another === undefined) throw new Error('no store')
    t.teardown(async () => {
      await store.close()
      await another.close()
    })
    return { server, store, another }
  }

  test(`${name}: a value is replaced by who knows its revision, and by nobody else`, async t => {
    const { store, another } = await open(t)
    t.is(await store.jobs.get('1-a.state'), undefined)
    const first = await store.jobs.put('1-a.state', bytes('one'), 0)
    await t.throwsAsync(another.jobs.put('1-a.state', bytes('two'), 0), { instanceOf: StoreConflict })
    const found = await another.jobs.get('1-a.state')
    t.deepEqual([text(found?.value as Uint8Array), found?.revision], ['one', first])
    await another.jobs.put('1-b.state', bytes('other'), 0)
    const second = await another.jobs.put('1-a.state', bytes('two'), first)
    t.true(second > first)
    await t.throwsAsync(store.jobs.put('1-a.state', bytes('three'), first), { instanceOf: StoreConflict })
    t.deepEqual(await store.jobs.keys(), new Set(['1-a.state', '1-b.state']))
    await store.jobs.delete('1-a.state')
    await store.jobs.delete('1-a.state')
    t.deepEqual(await store.jobs.keys(), new Set(['1-b.state']))
    await store.jobs.put('1-a.state', bytes('anew'), 0)
  })

  test(`${name}: of many that put at once one does`, async t => {
    const { store, another } = await open(t)
    const all = await Promise.allSettled(
      Array.from({ length: 20 }, (_, nth) => (nth % 2 ? store : another).jobs.put('x', bytes(String(nth)), 0)),
    )
    t.is(all.filter(({ status }) => status === 'fulfilled').length, 1)
  })

  test(`${name}: whoever listens is told of a key that was put`, async t => {
    const { store, another } = await open(t)
    const heard: string[] = []
    const subscription = another.jobs.onPut(key => heard.push(key))
    const news: string[] = []
    another.onNews((job, said) => news.push(`${job} ${text(said)}`))
    await another.jobs.get('x')
    await store.jobs.put('7-q.state', bytes('1'), 0)
    store.tell('7-q', bytes('hello'))
    await until(t, 5, 'both', () => heard.length > 0 && news.length > 0)
    t.deepEqual([heard, news], [['7-q.state'], ['7-q hello']])
    subscription.close()
    await store.jobs.put('8-q.state', bytes('1'), 0)
    await sleep(100)
    t.deepEqual(heard, ['7-q.state'])
  })

  test(`${name}: a daemon that is not renewed goes by itself, and its next renewal is refused`, async t => {
    const { store } = await open(t)
    const { daemons } = store
    t.is(daemons.ageSeconds, 5)
    const revision = await daemons.put('d', bytes('1'), 0)
    for (let tries = 0; tries < 90 && (await daemons.keys()).size > 0; tries++) await sleep(100)
    t.is((await daemons.keys()).size, 0)
    await t.throwsAsync(daemons.put('d', bytes('1'), revision), { instanceOf: StoreConflict })
    await daemons.put('d', bytes('1'), 0)
  })

  test(`${name}: a journal takes messages from who knows its end alone`, async t => {
    const { store, another } = await open(t)
    const mine = store.journal('out', '1-a')
    const theirs = another.journal('out', '1-a')
    t.deepEqual([await mine.last(), await mine.read(1)], [0, undefined])
    await mine.create()
    await theirs.create()
    t.is(await mine.append(bytes('one'), 0), 1)
    t.is(await mine.append(bytes('two'), 1), 2)
    await t.throwsAsync(theirs.append(bytes('late'), 1), { instanceOf: StoreConflict })
    t.is(await theirs.append(bytes('three'), 2), 3)
    await t.throwsAsync(mine.append(bytes('late'), 2), { instanceOf: StoreConflict })
    t.is(await mine.last(), 3)
    const all = [1, 2, 3].map(async position => text((await mine.read(position)) as Uint8Array))
    t.deepEqual(await Promise.all(all), ['one', 'two', 'three'])
    t.is(await mine.read(4), undefined)
    await mine.remove()
    await theirs.remove()
    t.deepEqual([await theirs.last(), await theirs.read(1)], [0, undefined])
  })

  test(`${name}: a put whose answer was lost counts as put, and an append is not doubled`, async t => {
    const server = await NatsServer.start(await binary())
    t.teardown(() => server.stop())
    const proxy = await TcpProxy.start(server.port)
    t.teardown(() => proxy.stop())
    const store = await openStore({ url: `nats://127.0.0.1:${proxy.port}` }, 'behind')
    t.teardown(() => store.close())
    const journal = store.journal('out', '1-a')
    await journal.create()
    // The request gets there, and the answer not back.
    proxy.quality.delayMs = 400
    const put = store.jobs.put('x', bytes('1'), 0)
    const appended = journal.append(bytes('one'), 0)
    await sleep(600)
    proxy.cut()
    proxy.quality.delayMs = 0
    t.true((await put) > 0)
    t.is(await appended, 1)
    t.is(await journal.last(), 1)
    await t.throwsAsync(store.jobs.put('x', bytes('2'), 0), { instanceOf: StoreConflict })
  })

  test(`${name}: what was kept is there after the server was killed; a wiped one has none of it, and takes more`, async t => {
    const { server, store } = await open(t)
    const journal = store.journal('in', '1-a')
    await journal.create()
    await journal.append(bytes('one'), 0)
    await store.jobs.put('x', bytes('1'), 0)
    await server.kill()
    const late = store.jobs.put('y', bytes('2'), 0)
    await sleep(300)
    await server.restart()
    await late
    t.deepEqual(await store.jobs.keys(), new Set(['x', 'y']))
    t.is(text((await journal.read(1)) as Uint8Array), 'one')
    await server.kill()
    await server.wipe()
    await server.restart()
    t.is(await store.jobs.get('x'), undefined)
    t.is(await journal.read(1), undefined)
    await store.jobs.put('x', bytes('3'), 0)
    t.deepEqual(await store.jobs.keys(), new Set(['x']))
  })

  test(`${name}: without a server it is said in time that nothing can be kept`, async t => {
    const { server, store } = await open(t)
    await server.kill()
    const beganAt = performance.now()
    await t.throwsAsync(store.jobs.put('x', bytes('1'), 0, 1), { instanceOf: StoreFailure, message: /cannot be had/ })
    t.true(performance.now() - beganAt < 5000)
  })
}
