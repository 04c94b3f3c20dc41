// NATS keeps the contract with three replicas on a cluster of three servers.
import test from 'ava'
import { subjects } from '../../proto/subjects.js'
import { connectNatsAgent } from '../../proto/transport/nats-agent.js'
import { connectNatsCoordinator } from '../../proto/transport/nats-coordinator.js'
import { ACK_WAIT_SECONDS } from '../../proto/transport/nats-streams.js'
import { newestServer, stableServer } from '../support/nats-binaries.js'
import { NatsCluster } from '../support/nats-cluster.js'
import { newJob, transportContract } from '../transport.contract.js'

for (const [name, binary] of [
  ['three nats-servers of Debian', stableServer],
  ['three of the newest nats-servers', newestServer],
] as const) {
  let shared: NatsCluster
  test.before(async () => {
    shared = await NatsCluster.start(await binary())
  })
  test.after.always(() => shared?.stop())

  transportContract(test, name, () => ({
    coordinator: () => connectNatsCoordinator({ url: shared.url, name: 'test', replicas: 3 }),
    agent: agent => connectNatsAgent({ url: shared.url, agent }),
    leftovers: async job => {
      const found = await shared.streams()
      return found.filter(stream => stream === subjects.reportStream(job) || stream.startsWith(`MH_T_${job}_`))
    },
    givesAgainSeconds: ACK_WAIT_SECONDS,
    mostLate: 50,
    mostTwice: 5,
    knownSeconds: 0.5,
  }))

  test(`${name}: every stream of a job and its durable consumer have three replicas`, async t => {
    const coordinator = await connectNatsCoordinator({ url: shared.url, name: 'test', replicas: 3 })
    t.teardown(() => coordinator.close())
    const job = newJob()
    const channel = await coordinator.openJob(job, 1, () => {})
    t.teardown(() => channel.close())
    const [tasks, reports, consumer] = await shared.ask(manager =>
      Promise.all([
        manager.streams.info(subjects.taskStream(job, 1)),
        manager.streams.info(subjects.reportStream(job)),
        manager.consumers.info(subjects.taskStream(job, 1), subjects.taskConsumer),
      ]),
    )
    t.deepEqual(
      [tasks, reports, consumer].map(({ config }) => config.num_replicas),
      [3, 3, 3],
    )
    t.deepEqual(
      [tasks, reports].map(({ cluster }) => cluster?.replicas?.length),
      [2, 2],
    )
  })

  test(`${name}: five replicas are refused with a code, and nothing is left`, async t => {
    const coordinator = await connectNatsCoordinator({ url: shared.url, name: 'test', replicas: 5 })
    t.teardown(() => coordinator.close())
    const job = newJob()
    await t.throwsAsync(
      coordinator.openJob(job, 1, () => {}),
      { code: 'NATS_REPLICAS', message: /the cluster hands has fewer/ },
    )
    t.deepEqual(
      (await shared.streams()).filter(stream => stream.includes(job)),
      [],
    )
  })
}
