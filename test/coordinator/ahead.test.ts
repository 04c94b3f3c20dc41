// Queues made ahead, on the transport of local mode, with a clock of the test's own.
import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { Ahead } from '../../coordinator/ahead.js'
import { createMemoryHub } from '../../proto/transport/memory.js'

const KEEP_SECONDS = 0.2

const setUp = (t: ExecutionContext) => {
  const hub = createMemoryHub()
  const [coordinator, agent] = [hub.coordinator(), hub.agent()]
  let now = 100
  const opened: string[] = []
  const ahead = new Ahead({
    openJob: (job, epoch, onReport) => {
      opened.push(job)
      return coordinator.openJob(job, epoch, onReport)
    },
    keepSeconds: KEEP_SECONDS,
    clock: () => now,
  })
  t.teardown(() => Promise.all([ahead.close(), agent.close(), coordinator.close()]))
  /** A job from its beginning to its end; its id. */
  const runJob = async (seconds: number, afterSeconds = 0): Promise<string> => {
    now += afterSeconds
    const { job, open } = ahead.take('f')
    const channel = await open(() => {})
    now += seconds
    ahead.rest()
    await channel.close()
    return job
  }
  const exists = async (job: string): Promise<boolean> =>
    (await agent.pull(job, 1, 1, 0, () => {}, new AbortController().signal)) >= 0
  return { ahead, agent, coordinator, opened, runJob, exists }
}

test('the queue of a job that follows another is there before it begins, and carries its reports', async t => {
  const { ahead, agent, opened, runJob, exists } = setUp(t)
  const first = await runJob(0.1)
  t.deepEqual(opened, [first])
  await runJob(0.1)
  const third = opened[2] as string
  t.is(opened.length, 3)
  t.true(await exists(third))
  const { job, open } = ahead.take('f')
  t.is(job, third)
  const reports: Uint8Array[] = []
  const channel = await open(report => reports.push(report))
  await channel.offer('a', new Uint8Array([1]))
  t.is(await agent.pull(job, 1, 1, 1, () => {}, new AbortController().signal), 1)
  await agent.report({ job, shard: 0, attempt: 1 }, 'r', new Uint8Array([2]))
  await sleep(10)
  t.deepEqual(reports, [new Uint8Array([2])])
  t.is(opened.length, 3)
  await channel.close()
})

test('a queue that is asked for is there before the first job, and goes when none comes', async t => {
  const { ahead, opened, exists } = setUp(t)
  await ahead.prepare()
  const { job, open } = ahead.take('f')
  t.deepEqual(opened, [job])
  await (await open(() => {})).close()
  await ahead.prepare()
  const unused = opened[1] as string
  t.true(await exists(unused))
  await sleep(KEEP_SECONDS * 1000 + 100)
  t.false(await exists(unused))
})

test('a queue that cannot be made says why, at once and to the job', async t => {
  const openJob = () => Promise.reject(new Error('too few servers'))
  const ahead = new Ahead({ openJob, keepSeconds: KEEP_SECONDS, clock: () => 0 })
  t.teardown(() => ahead.close())
  await t.throwsAsync(ahead.prepare(), { message: 'too few servers' })
  await t.throwsAsync(
    ahead.take('f').open(() => {}),
    { message: 'too few servers' },
  )
})

test('nothing is made ahead of a first job, after a long one, or after one that came late', async t => {
  const { opened, runJob } = setUp(t)
  await runJob(0.1)
  await runJob(2)
  await runJob(0.1, KEEP_SECONDS + 1)
  t.is(opened.length, 3)
})

test('what was made ahead is deleted when no job comes, and at the close', async t => {
  const { ahead, opened, runJob, exists } = setUp(t)
  await runJob(0.1)
  await runJob(0.1)
  t.true(await exists(opened[2] as string))
  await sleep(KEEP_SECONDS * 1000 + 100)
  t.false(await exists(opened[2] as string))
  await runJob(0.1)
  t.true(await exists(opened[4] as string))
  await ahead.close()
  t.false(await exists(opened[4] as string))
  await runJob(0.1)
  t.is(opened.length, 6)
})

test('a queue that was lost before its job began is no job’s', async t => {
  const { ahead, agent, coordinator, opened, runJob, exists } = setUp(t)
  await runJob(0.1)
  await runJob(0.1)
  const lost = opened[2] as string
  await coordinator.dropEpochsBefore(lost, 2)
  await sleep(10)
  t.not(ahead.take('f').job, lost)
  t.false(await exists(lost))
  await t.throwsAsync(agent.report({ job: lost, shard: 0, attempt: 1 }, 'r', new Uint8Array()))
})
