// What every transport keeps to, whatever carries it: one suite that each twin runs.
// In: a way to make coordinators and agents that reach each other, and to see what is left on the other side.
// Always true: each test uses a job of its own, so that tests may share a server.
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ExecutionContext, TestFn } from 'ava'
import type { AgentTransport, CoordinatorTransport, JobChannel } from '../proto/transport.js'

export interface Rig {
  coordinator(): Promise<CoordinatorTransport>
  agent(name: string): Promise<AgentTransport>
  /** What is stored for the job, by name. */
  leftovers(job: string): Promise<string[]>
  /**
   * A server may hand a task to a pull that has just gone, which nobody can see (3 of 59,100 tasks on a busy machine; beside many other tests on one
   * server up to 2 of 100): it gives such a task again after so long. Without it, none may come late.
   */
  readonly givesAgainSeconds?: number
  /**
   * Where the pull's server is not the queue's, a task may be between them when the pull goes: of 100 so many may come late. By default
   * 5 where a server gives again at all.
   */
  readonly mostLate?: number
  /** And so many twice, when their acknowledgement went out before all servers knew the new queue; by default none. */
  readonly mostTwice?: number
  /** How long it takes until whoever listens is known to all servers; by default 0.05. */
  readonly knownSeconds?: number
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
export const text = (message: Uint8Array): string => new TextDecoder().decode(message)
export const never: AbortSignal = new AbortController().signal

let counter = 0
export const newJob = (): string => `job-${process.pid}-${++counter}`

/** Waits until `done()` holds; fails the test after `seconds`. */
export const until = async (t: ExecutionContext, seconds: number, what: string, done: () => boolean): Promise<void> => {
  const end = performance.now() + seconds * 1000
  while (!done()) {
    if (performance.now() > end) return t.fail(`${what}: not within ${seconds} s`)
    await sleep(5)
  }
  t.pass()
}

/** Pulls until `stop` is aborted, as an agent's intake does. */
export const pullOn = async (
  agent: AgentTransport,
  job: string,
  epoch: () => number,
  stop: AbortSignal,
  onTask: (task: string) => void,
): Promise<void> => {
  while (!stop.aborted) {
    const taken = await agent.pull(job, epoch(), 8, 1, task => onTask(text(task)), stop)
    if (taken < 0) await sleep(20)
  }
}

interface Sides {
  readonly coordinator: CoordinatorTransport
  readonly agents: AgentTransport[]
  readonly job: string
  readonly channel: JobChannel
  readonly reports: string[]
  /** Of the newest report. */
  position(): number
}

/** Registers the suite with `test` under the transport's name. */
export const transportContract = (test: TestFn, name: string, rig: () => Rig): void => {
  const title = (sentence: string): string => `${name}: ${sentence}`
  const known = (): Promise<void> => sleep(1000 * (rig().knownSeconds ?? 0.05))

  const open = async (t: ExecutionContext, agents = 1): Promise<Sides> => {
    const coordinator = await rig().coordinator()
    t.teardown(() => coordinator.close())
    const job = newJob()
    const reports: string[] = []
    let newest = 0
    const channel = await coordinator.openJob(job, 1, (report, position) => {
      t.true(position > newest, `position ${position} comes after ${newest}`)
      newest = position
      reports.push(text(report))
    })
    t.teardown(() => channel.close())
    const made = await Promise.all(Array.from({ length: agents }, (_, i) => rig().agent(`a${i}`)))
    for (const agent of made) t.teardown(() => agent.close())
    return { coordinator, agents: made, job, channel, reports, position: () => newest }
  }
  const first = (sides: Sides): AgentTransport => sides.agents[0] as AgentTransport
  const report = (agent: AgentTransport, job: string, shard: number, id = `${shard}`) =>
    agent.report({ job, shard, attempt: 1 }, id, bytes(`report ${id}`))

  test(title('a task goes to exactly one of two pullers when nothing fails'), async t => {
    const sides = await open(t, 2)
    const stop = new AbortController()
    const taken: string[][] = [[], []]
    const pulls = sides.agents.map((agent, i) =>
      pullOn(
        agent,
        sides.job,
        () => 1,
        stop.signal,
        task => taken[i]?.push(task),
      ),
    )
    const offered = Array.from({ length: 200 }, (_, i) => `task ${i}`)
    await Promise.all(offered.map(task => sides.channel.offer(task, bytes(task))))
    await until(t, 10, 'all tasks are taken', () => taken.flat().length >= 200)
    await sleep(50)
    stop.abort()
    await Promise.all(pulls)
    t.deepEqual(taken.flat().sort(), offered.sort())
    t.true(taken.every(tasks => tasks.length > 0))
  })

  test(title('credit is never exceeded, and the rest stays in the queue'), async t => {
    const { agents, job, channel } = await open(t)
    for (let i = 0; i < 10; i++) await channel.offer(`${i}`, bytes(`${i}`))
    const agent = agents[0] as AgentTransport
    const taken: string[] = []
    t.is(await agent.pull(job, 1, 3, 1, task => taken.push(text(task)), never), 3)
    await sleep(50)
    t.deepEqual(taken, ['0', '1', '2'])
    t.is(await agent.pull(job, 1, 100, 1, task => taken.push(text(task)), never), 7)
    t.is(taken.length, 10)
    t.is(await agent.pull(job, 1, 0, 1, () => t.fail(), never), 0)
  })

  test(title('a repeated offer or report is stored once'), async t => {
    const sides = await open(t)
    for (const id of ['a', 'b', 'a']) await sides.channel.offer(id, bytes(id))
    const taken: string[] = []
    t.is(await first(sides).pull(sides.job, 1, 5, 1, task => taken.push(text(task)), never), 2)
    t.deepEqual(taken, ['a', 'b'])
    for (const id of ['x', 'x', 'y']) await report(first(sides), sides.job, 0, id)
    await until(t, 5, 'reports', () => sides.reports.length >= 2)
    await sleep(50)
    t.deepEqual(sides.reports, ['report x', 'report y'])
  })

  test(title('a pull that waits gets a task as soon as it is offered'), async t => {
    const sides = await open(t)
    const pulled = first(sides).pull(sides.job, 1, 1, 3, () => {}, never)
    await sleep(100)
    const start = performance.now()
    await sides.channel.offer('late', bytes('late'))
    t.is(await pulled, 1)
    t.true(performance.now() - start < 2000)
  })

  test(title('reports arrive in the order of storing'), async t => {
    const sides = await open(t)
    for (let i = 0; i < 300; i++) await report(first(sides), sides.job, i)
    await until(t, 10, 'reports', () => sides.reports.length >= 300)
    t.deepEqual(
      sides.reports,
      Array.from({ length: 300 }, (_, i) => `report ${i}`),
    )
  })

  test(title('reports survive a change of epoch and of coordinator'), async t => {
    const sides = await open(t)
    await report(first(sides), sides.job, 1)
    await sides.coordinator.close()
    await report(first(sides), sides.job, 2)
    const successor = await rig().coordinator()
    const seen: string[] = []
    const channel = await successor.openJob(sides.job, 2, message => seen.push(text(message)))
    await report(first(sides), sides.job, 3)
    await until(t, 5, 'reports', () => seen.length >= 3)
    t.deepEqual(seen, ['report 1', 'report 2', 'report 3'])
    await successor.dropEpochsBefore(sides.job, 2)
    await channel.close()
    await successor.close()
    t.deepEqual(await rig().leftovers(sides.job), [])
  })

  test(title('trimmed reports are not read again by the next epoch'), async t => {
    const sides = await open(t)
    await report(first(sides), sides.job, 1)
    await until(t, 5, 'the report', () => sides.reports.length === 1)
    sides.channel.trim(sides.position())
    // Handled, but after the trim: the next epoch needs it.
    await report(first(sides), sides.job, 2)
    await until(t, 5, 'the second report', () => sides.reports.length === 2)
    await sleep(1300)
    const seen: string[] = []
    const next = await sides.coordinator.openJob(sides.job, 2, message => seen.push(text(message)))
    await until(t, 5, 'the untrimmed report', () => seen.length >= 1)
    t.deepEqual(seen, ['report 2'])
    await next.close()
  })

  test(
    title('dropEpochsBefore deletes the queue, ends its pulls with -1 and resolves lost; the reports stay'),
    async t => {
      const sides = await open(t)
      const pulled = first(sides).pull(sides.job, 1, 1, 3, () => t.fail(), never)
      await sleep(100)
      await sides.coordinator.dropEpochsBefore(sides.job, 2)
      t.is(await pulled, -1)
      t.regex(await sides.channel.lost, /queue/)
      await t.throwsAsync(sides.channel.offer('x', bytes('x')))
      const next = await sides.coordinator.openJob(sides.job, 2, message => sides.reports.push(text(message)))
      await sides.channel.close()
      await report(first(sides), sides.job, 7)
      await until(t, 5, 'the report to the next epoch', () => sides.reports.length === 1)
      await next.close()
      await sides.coordinator.dropEpochsBefore(sides.job, 3)
      t.deepEqual(await rig().leftovers(sides.job), [])
    },
  )

  test(title('dropJob leaves nothing of a job that nobody has open, and may be repeated'), async t => {
    const sides = await open(t)
    await report(first(sides), sides.job, 1)
    await until(t, 5, 'the report', () => sides.reports.length === 1)
    await sides.channel.close('reports')
    await sides.coordinator.dropJob(sides.job)
    await sides.coordinator.dropJob(sides.job)
    t.deepEqual(await rig().leftovers(sides.job), [])
  })

  test(title('reports that are kept are read by a later epoch; the queue goes'), async t => {
    const sides = await open(t)
    await report(first(sides), sides.job, 1)
    await until(t, 5, 'the report', () => sides.reports.length === 1)
    await sides.channel.close('reports')
    await sides.coordinator.close()
    t.is(await first(sides).pull(sides.job, 1, 1, 1, () => t.fail(), never), -1)
    const successor = await rig().coordinator()
    const seen: string[] = []
    const next = await successor.openJob(sides.job, 2, message => seen.push(text(message)))
    await until(t, 5, 'the report again', () => seen.length === 1)
    t.deepEqual(seen, ['report 1'])
    await next.close()
    await successor.close()
    t.deepEqual(await rig().leftovers(sides.job), [])
  })

  test(title('close deletes the queue and the reports, twice as well as once, and does not resolve lost'), async t => {
    const sides = await open(t)
    let lost = false
    void sides.channel.lost.then(() => {
      lost = true
    })
    await sides.channel.offer('x', bytes('x'))
    await report(first(sides), sides.job, 1)
    await Promise.all([sides.channel.close(), sides.channel.close()])
    t.deepEqual(await rig().leftovers(sides.job), [])
    t.is(await first(sides).pull(sides.job, 1, 1, 1, () => t.fail(), never), -1)
    await t.throwsAsync(sides.channel.offer('y', bytes('y')))
    await t.throwsAsync(report(first(sides), sides.job, 2))
    t.false(lost)
  })

  test(title('a pull on a queue that is not there gives -1 at once'), async t => {
    const agent = await rig().agent('lonely')
    const start = performance.now()
    t.is(await agent.pull(newJob(), 1, 1, 3, () => t.fail(), never), -1)
    t.true(performance.now() - start < 2000)
    await agent.close()
  })

  test(title('an abort ends a pull soon, and a wait that is over ends it too'), async t => {
    const sides = await open(t)
    const stop = new AbortController()
    const pulled = first(sides).pull(sides.job, 1, 1, 4, () => t.fail(), stop.signal)
    await sleep(50)
    const start = performance.now()
    stop.abort()
    t.is(await pulled, 0)
    t.true(performance.now() - start < 2000)
    t.is(await first(sides).pull(sides.job, 1, 1, 4, () => t.fail(), stop.signal), 0)
    t.is(await first(sides).pull(sides.job, 1, 1, 1, () => t.fail(), never), 0)
    t.true(performance.now() - start > 900)
  })

  test(title('no task is lost to pulls that are aborted'), async t => {
    const sides = await open(t)
    const taken = new Set<string>()
    const offers = (async () => {
      for (let i = 0; i < 100; i++) {
        await sides.channel.offer(`${i}`, bytes(`${i}`))
        if (i % 5 === 0) await sleep(1)
      }
    })()
    let told = 0
    let late = 0
    const { givesAgainSeconds = 0, mostLate = givesAgainSeconds > 0 ? 5 : 0, mostTwice = 0 } = rig()
    const began = performance.now()
    const onTask = (task: Uint8Array): void => {
      taken.add(text(task))
      if (performance.now() - began > 4000) late++
    }
    while (taken.size < 100 && performance.now() - began < 4000) {
      const stop = new AbortController()
      const pulled = first(sides).pull(sides.job, 1, 4, 1, onTask, stop.signal)
      setTimeout(() => stop.abort(), Math.random() * 3)
      told += await pulled
    }
    // Given again to another pull that is aborted, it could be late again.
    while (taken.size < 100 && performance.now() - began < 4000 + 1000 * givesAgainSeconds)
      told += await first(sides).pull(sides.job, 1, 4, 1, onTask, never)
    await offers
    t.is(taken.size, 100)
    t.true(told >= 100 && told <= 100 + mostTwice, `told of ${told}`)
    t.true(late <= mostLate, `${late} came late`)
  })

  test(title('a broadcast reaches all agents, and nobody after it has stopped listening'), async t => {
    const sides = await open(t, 3)
    const heard: string[] = []
    const subscriptions = sides.agents.map((agent, i) =>
      agent.onBroadcast(message => heard.push(`${i} ${text(message)}`)),
    )
    await known()
    sides.coordinator.broadcast(bytes(sides.job))
    await until(t, 2, 'broadcast', () => heard.filter(message => message.endsWith(sides.job)).length === 3)
    for (const subscription of subscriptions) subscription.close()
    heard.length = 0
    sides.coordinator.broadcast(bytes(sides.job))
    await sleep(50)
    t.deepEqual(heard, [])
  })

  test(title('what was sent before a close arrives, in the order of sending'), async t => {
    const sides = await open(t)
    const speaker = await rig().coordinator()
    const heard: string[] = []
    const subscription = first(sides).onBroadcast(message => heard.push(text(message)))
    await known()
    const said = Array.from({ length: 50 }, (_, nth) => `${sides.job} ${nth}`)
    for (const message of said) speaker.broadcast(bytes(message))
    await speaker.close()
    const mine = (): string[] => heard.filter(message => message.startsWith(sides.job))
    await until(t, 2, 'broadcasts', () => mine().length >= said.length)
    subscription.close()
    t.deepEqual(mine(), said)
  })

  test(title('beats reach the coordinator'), async t => {
    const sides = await open(t, 2)
    const heard: string[] = []
    const subscription = sides.coordinator.onBeat(message => heard.push(text(message)))
    await known()
    for (const [i, agent] of sides.agents.entries()) agent.beat(bytes(`${sides.job} ${i}`))
    const mine = (): string[] => heard.filter(message => message.startsWith(sides.job))
    await until(t, 2, 'beats', () => mine().length === 2)
    subscription.close()
    subscription.close()
    t.deepEqual(mine().sort(), [`${sides.job} 0`, `${sides.job} 1`])
  })

  test(title('a chunk comes from the coordinator that has it, and a request that nobody answers fails'), async t => {
    const sides = await open(t)
    const other = await rig().coordinator()
    const serving = [
      sides.coordinator.serveBlobs(() => undefined),
      other.serveBlobs(request => (text(request) === `want ${sides.job}` ? bytes('chunk') : undefined)),
    ]
    await known()
    t.is(text(await first(sides).requestBlob(bytes(`want ${sides.job}`), 2)), 'chunk')
    const start = performance.now()
    await t.throwsAsync(first(sides).requestBlob(bytes('something else'), 0.3))
    t.true(performance.now() - start < 2000)
    for (const subscription of serving) subscription.close()
    await other.close()
  })

  test(title('messages up to the limit arrive unchanged, and larger ones are refused with the limit'), async t => {
    const coordinator = await rig().coordinator()
    const agent = await rig().agent('large')
    t.teardown(() => Promise.all([coordinator.close(), agent.close()]))
    const job = newJob()
    const reports: Uint8Array[] = []
    const channel = await coordinator.openJob(job, 1, message => reports.push(message))
    const task = randomBytes(coordinator.limitBytes)
    await channel.offer('large', task)
    await agent.pull(job, 1, 1, 2, message => t.true(task.equals(message)), never)
    const report = randomBytes(agent.limitBytes)
    await agent.report({ job, shard: 1, attempt: 1 }, 'large', report)
    await agent.report({ job, shard: 2, attempt: 1 }, 'empty', new Uint8Array())
    await until(t, 5, 'reports', () => reports.length === 2)
    t.true(report.equals(reports[0] as Uint8Array))
    t.is(reports[1]?.length, 0)
    const limit = { message: new RegExp(`limit of ${coordinator.limitBytes} bytes`) }
    await t.throwsAsync(channel.offer('larger', new Uint8Array(coordinator.limitBytes + 1)), limit)
    await t.throwsAsync(
      agent.report({ job, shard: 1, attempt: 1 }, 'larger', new Uint8Array(agent.limitBytes + 1)),
      limit,
    )
    await channel.close()
  })

  test(title('close may come at any time, twice too, and ends what waits'), async t => {
    const coordinator = await rig().coordinator()
    const agent = await rig().agent('closing')
    const job = newJob()
    const channel = await coordinator.openJob(job, 1, () => {})
    const pulled = agent.pull(job, 1, 1, 4, () => t.fail(), never)
    const start = performance.now()
    await Promise.all([agent.close(), agent.close()])
    t.is(await pulled, 0)
    await agent.close()
    t.is(await agent.closed, undefined)
    agent.beat(bytes('unheard'))
    await t.throwsAsync(agent.report({ job, shard: 1, attempt: 1 }, 'x', bytes('x')))
    await t.throwsAsync(agent.pull(job, 1, 1, 1, () => t.fail(), never))
    await Promise.all([coordinator.close(), coordinator.close()])
    t.is(await coordinator.closed, undefined)
    await channel.close()
    channel.trim(1)
    coordinator.broadcast(bytes('unheard'))
    await t.throwsAsync(coordinator.openJob(job, 2, () => {}))
    t.true(performance.now() - start < 2000)
    const cleaner = await rig().coordinator()
    await (await cleaner.openJob(job, 1, () => {})).close()
    await cleaner.close()
  })
}
