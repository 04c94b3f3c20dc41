// NATS keeps the contract, on Debian's server and on the newest one, and keeps its promises when servers and agents die.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { connect } from 'nats'
import { subjects } from '../../proto/subjects.js'
import { connectNatsAgent } from '../../proto/transport/nats-agent.js'
import { connectNatsCoordinator } from '../../proto/transport/nats-coordinator.js'
import { ACK_WAIT_SECONDS } from '../../proto/transport/nats-streams.js'
import type { AgentTransport } from '../../proto/transport.js'
import { newestServer, stableServer } from '../support/nats-binaries.js'
import { NatsServer } from '../support/nats-server.js'
import { TcpProxy } from '../support/tcp-proxy.js'
import { bytes, never, newJob, pullOn, text, transportContract, until } from '../transport.contract.js'

const PULLER = fileURLToPath(new URL('../support/puller.js', import.meta.url))

/** Reports until it is stored, as an outbox does. */
const reportSurely = async (agent: AgentTransport, job: string, task: string): Promise<void> => {
  const end = performance.now() + 20_000
  for (;;) {
    try {
      return await agent.report({ job, shard: Number(task), attempt: 1 }, task, bytes(task))
    } catch (error) {
      if (performance.now() > end) throw error
      await sleep(50)
    }
  }
}

for (const [name, binary] of [
  ['nats-server of Debian', stableServer],
  ['newest nats-server', newestServer],
] as const) {
  let shared: NatsServer
  test.before(async () => {
    shared = await NatsServer.start(await binary())
  })
  test.after.always(() => shared?.stop())

  const leftovers = async (job: string): Promise<string[]> => {
    const found = await shared.streams()
    return found.filter(stream => stream === subjects.reportStream(job) || stream.startsWith(`MH_T_${job}_`))
  }

  transportContract(test, name, () => ({
    coordinator: () => connectNatsCoordinator({ url: shared.url, name: 'test' }),
    agent: agent => connectNatsAgent({ url: shared.url, agent }),
    leftovers,
    givesAgainSeconds: ACK_WAIT_SECONDS,
  }))

  /** A server, a coordinator and an agent of one test's own. */
  const own = async (t: ExecutionContext) => {
    const server = await NatsServer.start(await binary())
    const coordinator = await connectNatsCoordinator({ url: server.url, name: 'test' })
    const agent = await connectNatsAgent({ url: server.url, agent: 'own' })
    t.teardown(async () => {
      await Promise.all([coordinator.close(), agent.close()])
      await server.stop()
    })
    return { server, coordinator, agent }
  }

  const admin = async (t: ExecutionContext, server: NatsServer) => {
    const connection = await connect({ servers: `127.0.0.1:${server.port}` })
    t.teardown(() => connection.close())
    return connection.jetstreamManager()
  }

  test(`${name}: all that is offered and reported arrives although the server is killed twice on the way`, async t => {
    const { server, coordinator, agent } = await own(t)
    const job = newJob()
    const reported = new Set<string>()
    let reconnects = 0
    agent.onReconnect(() => reconnects++)
    let newest = 0
    const channel = await coordinator.openJob(job, 1, (report, position) => {
      newest = position
      reported.add(text(report))
    })
    const stop = new AbortController()
    const sent: Promise<void>[] = []
    const pulling = pullOn(
      agent,
      job,
      () => 1,
      stop.signal,
      task => sent.push(reportSurely(agent, job, task)),
    )
    const count = 600
    const offers: Promise<void>[] = []
    for (let i = 0; i < count; i++) {
      offers.push(channel.offer(`${i}`, bytes(`${i}`)))
      if (i % 50 === 49) channel.trim(newest)
      if (i % 200 === 150) {
        await server.kill()
        await sleep(200)
        void server.restart().catch(error => t.fail(error.message))
      }
      await sleep(2)
    }
    await Promise.all(offers)
    await until(t, 25, 'all reports', () => reported.size === count)
    stop.abort()
    await pulling
    await Promise.all(sent)
    t.true(reconnects >= 2)
    const late = await Promise.race([channel.lost, sleep(10, 'not lost')])
    t.is(late, 'not lost')
    await channel.close()
  })

  test(`${name}: a wiped store resolves lost, and the next epoch works`, async t => {
    const { server, coordinator, agent } = await own(t)
    const job = newJob()
    const reports: string[] = []
    const channel = await coordinator.openJob(job, 1, report => reports.push(text(report)))
    await channel.offer('1', bytes('1'))
    await server.kill()
    await server.wipe()
    const stuck = channel.offer('2', bytes('2'))
    await server.restart()
    t.regex(await Promise.race([channel.lost, sleep(6000, 'not lost')]), /gone from the NATS server/)
    await t.throwsAsync(stuck)
    const next = await coordinator.openJob(job, 2, report => reports.push(text(report)))
    await channel.close()
    await next.offer('2', bytes('2'))
    t.is(await agent.pull(job, 2, 1, 2, () => {}, never), 1)
    await reportSurely(agent, job, '2')
    await until(t, 5, 'the report', () => reports.includes('2'))
    await next.close()
  })

  test(`${name}: a store that went back to an older state resolves lost, and no report is overlooked`, async t => {
    const { server, coordinator, agent } = await own(t)
    const job = newJob()
    const reports: string[] = []
    const channel = await coordinator.openJob(job, 1, report => reports.push(text(report)))
    await channel.offer('0', bytes('0'))
    await reportSurely(agent, job, '0')
    await until(t, 5, 'the report', () => reports.length === 1)
    await server.kill()
    await server.saveStore()
    await server.restart()
    for (let i = 1; i < 20; i++) {
      await channel.offer(`${i}`, bytes(`${i}`))
      await reportSurely(agent, job, `${i}`)
    }
    await until(t, 5, 'all reports', () => reports.length === 20)
    await server.kill()
    await server.restoreStore()
    await server.restart()
    t.regex(await Promise.race([channel.lost, sleep(6000, 'not lost')]), /lost the newest tasks/)
    const next = await coordinator.openJob(job, 2, report => reports.push(text(report)))
    await reportSurely(agent, job, '20')
    await until(t, 5, 'a report after the loss', () => reports.includes('20'))
    await next.close()
  })

  test(`${name}: a report stream that went back to an older state is read on`, async t => {
    const { server, coordinator, agent } = await own(t)
    const job = newJob()
    const reports: string[] = []
    const channel = await coordinator.openJob(job, 1, report => reports.push(text(report)))
    await reportSurely(agent, job, '0')
    await until(t, 5, 'the report', () => reports.length === 1)
    await server.kill()
    await server.saveStore()
    await server.restart()
    for (let i = 1; i < 20; i++) await reportSurely(agent, job, `${i}`)
    await until(t, 5, 'all reports', () => reports.length === 20)
    await server.kill()
    await server.restoreStore(subjects.reportStream(job))
    await server.restart()
    await reportSurely(agent, job, '20')
    await until(t, 5, 'a report after the loss', () => reports.includes('20'))
    await channel.close()
  })

  test(`${name}: a task is acknowledged when it is taken, so that the queue is empty at once`, async t => {
    const { server, coordinator, agent } = await own(t)
    const manager = await admin(t, server)
    const job = newJob()
    const channel = await coordinator.openJob(job, 1, () => {})
    for (let i = 0; i < 5; i++) await channel.offer(`${i}`, bytes(`${i}`))
    t.is(await agent.pull(job, 1, 5, 1, () => {}, never), 5)
    await sleep(100)
    t.is((await manager.streams.info(subjects.taskStream(job, 1))).state.messages, 0)
    await channel.close()
  })

  test(`${name}: a deleted stream, a deleted consumer and deleted reports resolve lost`, async t => {
    const { server, coordinator, agent } = await own(t)
    const manager = await admin(t, server)
    const deletions: ((job: string) => Promise<unknown>)[] = [
      job => manager.streams.delete(subjects.taskStream(job, 1)),
      job => manager.consumers.delete(subjects.taskStream(job, 1), subjects.taskConsumer),
      job => manager.streams.delete(subjects.reportStream(job)),
    ]
    await Promise.all(
      deletions.map(async (remove, i) => {
        const job = newJob()
        const channel = await coordinator.openJob(job, 1, () => {})
        const pulled = agent.pull(job, 1, 1, 4, () => t.fail(), never)
        await sleep(100)
        await remove(job)
        if (i < 2) t.is(await pulled, -1)
        t.regex(await Promise.race([channel.lost, sleep(8000, 'not lost')]), /gone/)
        await channel.close()
      }),
    )
  })

  test(`${name}: the reading of reports goes on although its consumer is deleted`, async t => {
    const { server, coordinator, agent } = await own(t)
    const manager = await admin(t, server)
    const job = newJob()
    const reports: string[] = []
    const channel = await coordinator.openJob(job, 1, report => reports.push(text(report)))
    for (let i = 0; i < 30; i++) {
      await reportSurely(agent, job, `${i}`)
      if (i % 10 !== 9) continue
      await until(t, 6, 'reports', () => reports.length === i + 1)
      for await (const consumer of manager.consumers.list(subjects.reportStream(job)))
        await manager.consumers.delete(subjects.reportStream(job), consumer.name)
    }
    await reportSurely(agent, job, '30')
    await until(t, 6, 'the last report', () => reports.length === 31)
    t.deepEqual(
      reports,
      Array.from({ length: 31 }, (_, i) => `${i}`),
    )
    await channel.close()
  })

  test(`${name}: a frozen agent keeps tasks from others for the acknowledgement's wait at most`, async t => {
    const { server, coordinator, agent } = await own(t)
    const job = newJob()
    const channel = await coordinator.openJob(job, 1, () => {})
    const puller = spawn(process.execPath, [PULLER, server.url, job, '1'], { stdio: ['ignore', 'pipe', 'inherit'] })
    t.teardown(() => puller.kill('SIGKILL'))
    const swallowed: string[] = []
    puller.stdout.on('data', chunk => swallowed.push(...String(chunk).trim().split('\n')))
    await until(t, 5, 'the puller', () => swallowed.includes('ready'))
    await channel.offer('awake', bytes('awake'))
    await until(t, 5, 'its first task', () => swallowed.includes('awake'))
    puller.kill('SIGSTOP')
    const start = performance.now()
    const taken = new Set<string>()
    const stop = new AbortController()
    const pulling = pullOn(
      agent,
      job,
      () => 1,
      stop.signal,
      task => taken.add(task),
    )
    for (let i = 0; i < 12; i++) await channel.offer(`${i}`, bytes(`${i}`))
    t.teardown(async () => {
      stop.abort()
      await pulling
    })
    await until(t, ACK_WAIT_SECONDS + 1, 'all tasks', () => taken.size === 12)
    t.log(`the last task came after ${((performance.now() - start) / 1000).toFixed(2)} s`)
    stop.abort()
    await pulling
    await channel.close()
  })

  test(`${name}: a frozen server makes a report fail in time, and all goes on when it thaws`, async t => {
    const { server, coordinator, agent } = await own(t)
    const job = newJob()
    const reports: string[] = []
    const channel = await coordinator.openJob(job, 1, report => reports.push(text(report)))
    await server.freeze()
    const start = performance.now()
    await t.throwsAsync(agent.report({ job, shard: 1, attempt: 1 }, '1', bytes('1')))
    t.true(performance.now() - start < 3000)
    const offer = channel.offer('1', bytes('1'))
    await sleep(7000)
    server.thaw()
    await offer
    await reportSurely(agent, job, '1')
    await until(t, 6, 'the report', () => reports.includes('1'))
    const taken: string[] = []
    while (taken.length === 0) await agent.pull(job, 1, 1, 2, task => taken.push(text(task)), never)
    await channel.close()
  })

  test(`${name}: a link that goes dead or is cut in the middle of a report costs time and nothing else`, async t => {
    const { server, coordinator } = await own(t)
    const proxy = await TcpProxy.start(server.port)
    const agent = await connectNatsAgent({ url: `nats://127.0.0.1:${proxy.port}`, agent: 'far' })
    t.teardown(async () => {
      await agent.close()
      await proxy.stop()
    })
    const job = newJob()
    const reports: Uint8Array[] = []
    const channel = await coordinator.openJob(job, 1, report => reports.push(report))
    let reconnects = 0
    agent.onReconnect(() => reconnects++)

    proxy.quality.cutAfterBytes = 200_000
    const large = randomBytes(500_000)
    const address = { job, shard: 1, attempt: 1 }
    await t.throwsAsync(agent.report(address, 'large', large))
    proxy.quality.cutAfterBytes = 0
    await until(t, 3, 'the connection is back', () => reconnects === 1)
    await agent.report(address, 'large', large)
    await until(t, 3, 'the report', () => reports.length === 1)
    t.true(large.equals(reports[0] as Uint8Array))

    const pulled = agent.pull(job, 1, 1, 4, () => {}, never)
    proxy.quality.frozen = true
    const start = performance.now()
    await t.throwsAsync(agent.report(address, 'small', bytes('small')))
    await pulled
    t.true(performance.now() - start < 5500)
    // Two pings without an answer, and the client dials anew: the proxy holds that too until it thaws.
    await sleep(Math.max(0, 6500 - (performance.now() - start)))
    proxy.quality.frozen = false
    await until(t, 6, 'the connection is back', () => reconnects === 2)
    await agent.report(address, 'small', bytes('small'))
    await until(t, 3, 'the report', () => reports.length === 2)
    await channel.close()
  })

  test(`${name}: more jobs run than the store could reserve room for`, async t => {
    const server = await NatsServer.start(await binary(), { storeLimit: '100MB' })
    const coordinator = await connectNatsCoordinator({ url: server.url, name: 'test' })
    t.teardown(() => server.stop())
    t.teardown(() => coordinator.close())
    for (let i = 0; i < 5; i++) {
      const channel = await coordinator.openJob(newJob(), 1, () => {})
      await t.notThrowsAsync(channel.offer('1', new Uint8Array(100_000)))
    }
  })

  test(`${name}: the permission lists of the documentation are enough, and are needed`, async t => {
    const configuration = `
      accounts { MANYHANDS { jetstream: enabled, users: [
        { user: c, password: secret, permissions: {
          publish: { allow: ["$JS.API.>", "$KV.>", "$O.>", "$JS.ACK.>", "mh.>", "_INBOX.a.>"] }
          subscribe: { allow: ["_INBOX.c.>", "mh.>", "$JS.EVENT.ADVISORY.>"] } } }
        { user: h1, password: "p@ss", permissions: {
          publish: { allow: ["$JS.API.CONSUMER.MSG.NEXT.*.agents", "$JS.API.CONSUMER.INFO.*.agents",
            "$JS.ACK.*.agents.>", "$JS.ACK.*.*.*.agents.>", "mh.res.*.h1.*.*", "mh.hb.h1", "mh.bundle.h1"] }
          subscribe: { allow: ["_INBOX.a.h1.>", "mh.jobs", "mh.ctl.h1"] } } } ] } }`
    const server = await NatsServer.start(await binary(), { configuration })
    t.teardown(() => server.stop())
    const at = `127.0.0.1:${server.port}`
    const coordinator = await connectNatsCoordinator({ url: `nats://c:secret@${at}`, name: 'test' })
    const agent = await connectNatsAgent({ url: `nats://h1:p%40ss@${at}`, agent: 'h1' })
    await t.throwsAsync(connectNatsAgent({ url: `nats://h1:p%40ss@${at}`, agent: 'h2' }), {
      message: /agent h2 cannot work .*permissions violation/i,
    })
    const heard: string[] = []
    const job = newJob()
    const channel = await coordinator.openJob(job, 1, message => heard.push(text(message)))
    coordinator.onBeat(message => heard.push(text(message)))
    agent.onBroadcast(message => heard.push(text(message)))
    coordinator.serveBlobs(() => bytes('chunk'))
    await sleep(50)
    await channel.offer('1', bytes('1'))
    t.is(await agent.pull(job, 1, 1, 2, () => {}, never), 1)
    await agent.report({ job, shard: 1, attempt: 1 }, '1', bytes('report'))
    agent.beat(bytes('beat'))
    coordinator.broadcast(bytes('broadcast'))
    t.is(text(await agent.requestBlob(bytes('?'), 1)), 'chunk')
    await until(t, 3, 'messages', () => heard.length === 3)
    t.deepEqual(heard.sort(), ['beat', 'broadcast', 'report'])
    const intruder = await connect({ servers: at, user: 'h1', pass: 'p@ss', inboxPrefix: '_INBOX.a.h1' })
    await t.throwsAsync(intruder.request(subjects.report(job, 'h2', 1, 1), 'forged'), undefined, 'as another agent')
    await t.throwsAsync(intruder.request(`$JS.API.STREAM.DELETE.${subjects.reportStream(job)}`), undefined, 'deletion')
    await intruder.close()
    t.is((await channel.offer('2', bytes('2'))) as unknown, undefined)
    await channel.close()
    await Promise.all([coordinator, agent].map(side => side.close()))
  })
}

test('a first connection that cannot be made fails soon and says what to do', async t => {
  const server = await NatsServer.start(await stableServer(), { configuration: 'authorization { token: "right" }' })
  t.teardown(() => server.stop())
  const start = performance.now()
  const at = `127.0.0.1:${server.port}`
  await t.throwsAsync(connectNatsAgent({ url: server.url, agent: 'a' }), { message: /refused the user/ })
  await t.throwsAsync(connectNatsAgent({ url: `nats://wrong@${at}`, agent: 'a' }), { message: /refused the user/ })
  await (await connectNatsAgent({ url: `nats://right@${at}`, agent: 'a' })).close()
  await t.throwsAsync(connectNatsAgent({ url: `tls://right@${at}`, agent: 'a' }), { message: /TLS/ })
  await server.freeze()
  await t.throwsAsync(connectNatsAgent({ url: `nats://right@${at}`, agent: 'a' }), { message: /nats-server -js/ })
  server.thaw()
  await server.kill()
  await t.throwsAsync(connectNatsCoordinator({ url: server.url, name: 'c' }), {
    message: /no NATS server answers at nats:\/\/127/,
  })
  t.true(performance.now() - start < 8000)
})

test('replicas on a single server are refused with a code, and nothing is left', async t => {
  const server = await NatsServer.start(await stableServer())
  t.teardown(() => server.stop())
  const coordinator = await connectNatsCoordinator({ url: server.url, name: 'c', replicas: 3 })
  t.teardown(() => coordinator.close())
  await t.throwsAsync(
    coordinator.openJob(newJob(), 1, () => {}),
    { code: 'NATS_REPLICAS', message: /this is a single server/ },
  )
  const connection = await connect({ servers: `127.0.0.1:${server.port}` })
  t.teardown(() => connection.close())
  t.is((await (await connection.jetstreamManager()).getAccountInfo()).streams, 0)
})

test('a server without JetStream is refused with the line that mends it', async t => {
  const server = await NatsServer.start(await stableServer(), { jetStream: false })
  t.teardown(() => server.stop())
  await t.throwsAsync(connectNatsCoordinator({ url: server.url, name: 'c' }), {
    message: /JetStream off: start it with -js/,
  })
})
