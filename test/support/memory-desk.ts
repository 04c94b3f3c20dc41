// A coordinator daemon's desk in this process: its jobs run on slots of this machine. In: as of Desk. Out: the same. Always true:
// jobs run by the real coordinator and workers; what is kept of them is kept in memory alone.
import { EventEmitter, once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openInput } from '../../coordinator/input/open.js'
import { openRange, Range } from '../../coordinator/input/range.js'
import { type Hands, JOB_DEFAULTS, type JobEnd, type JobRequest } from '../../coordinator/job.js'
import { openLocal } from '../../coordinator/local.js'
import {
  type AgentView,
  type AskedPart,
  type Desk,
  DeskError,
  type JobAsked,
  type JobDetail,
  type JobView,
  type ResultsAsked,
  type ViewState,
} from '../../coordinator/serve/desk.js'
import type { Outcomes } from '../../proto/outcome.js'

const STATES: Readonly<Record<JobEnd['state'], ViewState>> = {
  done: 'done',
  stopped: 'stopped',
  interrupted: 'cancelled',
  broken: 'broken',
}

class Held {
  readonly changed = new EventEmitter().setMaxListeners(0)
  readonly outcomes: Outcomes[] = []
  readonly stop = new AbortController()
  readonly beganAt = performance.now()
  end: JobEnd | undefined
  reason: string | undefined
  settled = 0
  failed = 0

  readonly number: number
  readonly asked: JobAsked
  readonly items: number | undefined

  constructor(number: number, asked: JobAsked, items: number | undefined) {
    this.number = number
    this.asked = asked
    this.items = items
  }

  get id(): string {
    return `${'abcdefghij'[this.number % 10]}${this.number}-${this.asked.function || 'command'}`
  }

  view(): JobView {
    const why = this.reason ?? this.end?.why
    return {
      id: this.id,
      number: this.number,
      name: this.asked.name,
      state: this.end === undefined ? 'running' : STATES[this.end.state],
      ...(this.items !== undefined && { items: this.items }),
      settled: this.settled,
      failed: this.failed,
      wallSeconds: (performance.now() - this.beganAt) / 1000,
      ...(why !== undefined && { why }),
      submitted: '2026-01-02T03:04:05.000Z',
      owner: 'here',
      weight: this.asked.weight ?? 1,
      priority: this.asked.priority ?? 0,
      slots: 2,
    }
  }
}

export class MemoryDesk implements Desk {
  readonly #hands: Hands = openLocal({ slots: 2, onPrint: () => {} })
  readonly #folder = mkdtempSync(join(tmpdir(), 'manyhands-desk-'))
  readonly #jobs = new Map<string, Held>()
  readonly #agents: AgentView[]
  #number = 0
  /** What was asked of it that changes something, in order. */
  readonly heard: string[] = []

  constructor(agents: readonly AgentView[] = []) {
    this.#agents = [...agents]
  }

  async close(): Promise<void> {
    for (const job of this.#jobs.values()) job.stop.abort()
    await this.#hands.close()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async submit(asked: JobAsked, parts: AsyncIterable<AskedPart>): Promise<JobView> {
    const files = new Map<string, Uint8Array[]>()
    const shared: Uint8Array[] = []
    const bytes: Uint8Array[] = []
    for await (const part of parts) {
      if (part.type === 'file') files.set(part.path, [...(files.get(part.path) ?? []), part.data])
      else (part.type === 'shared' ? shared : bytes).push(part.data)
    }
    const number = ++this.#number
    const file = join(this.#folder, String(number))
    writeFileSync(file, Buffer.concat(bytes))
    const { input } = asked
    const opened =
      'format' in input ? await openInput(file, input.format) : openRange(new Range(input.start, input.end, input.step))
    const job = new Held(number, asked, opened.count)
    this.#jobs.set(job.id, job)
    this.heard.push(`submit ${number}`)
    const bundle = [...files].map(([path, content]) => ({ path, content: Buffer.concat(content) }))
    const request: JobRequest = {
      function: {
        runner: asked.runner,
        name: asked.name,
        entry: asked.entry,
        function: asked.function,
        ...(bundle.length > 0 && { bundle }),
        ...(asked.init !== undefined && { init: asked.init }),
        ...(asked.command && { command: { argv: asked.command, shell: asked.shell ?? false } }),
      },
      operation: 'map',
      input: opened,
      output: {
        write: async outcomes => {
          job.outcomes.push(outcomes)
          job.settled += outcomes.end - outcomes.start
          job.failed += outcomes.failures.length
          job.changed.emit('change')
        },
        commit: async () => {},
        abandon: async () => {},
      },
      ...(asked.shared && { shared: { kind: asked.shared, content: Buffer.concat(shared) } }),
      signal: job.stop.signal,
      options: {
        ...JOB_DEFAULTS,
        unordered: true,
        retries: asked.retries ?? 0,
        ...(asked.maxFailures && { maxFailures: asked.maxFailures }),
        ...(asked.timeoutSeconds !== undefined && { timeoutSeconds: asked.timeoutSeconds }),
        ...(asked.shardSize !== undefined && { shardSize: asked.shardSize }),
      },
    }
    void this.#hands.run(request).then(end => {
      job.end = end
      job.changed.emit('change')
    })
    return job.view()
  }

  async *watch(id: string, signal: AbortSignal): AsyncGenerator<JobView> {
    const job = this.#job(id)
    for (;;) {
      const view = job.view()
      yield view
      if (view.state !== 'running') return
      await once(job.changed, 'change', { signal })
    }
  }

  async *results(id: string, asked: ResultsAsked, signal: AbortSignal): AsyncGenerator<Outcomes> {
    const job = this.#job(id)
    const { start = 0, ordered = true, settledOnly = false } = asked
    const given = new Set<Outcomes>()
    for (let next = start; ; ) {
      const there = job.outcomes.filter(one => one.end > start && !given.has(one)).sort((a, b) => a.start - b.start)
      const isLast = settledOnly || job.end !== undefined
      const found = there.find(one => !ordered || isLast || one.start <= next)
      if (found !== undefined) {
        given.add(found)
        next = found.end
        yield found
      } else if (isLast) return
      else await once(job.changed, 'change', { signal })
    }
  }

  async cancel(id: string, reason: string): Promise<JobView> {
    const job = this.#job(id)
    this.heard.push(`cancel ${job.number} ${reason}`)
    if (job.end !== undefined) return job.view()
    job.reason = reason
    job.stop.abort()
    while (job.end === undefined) await once(job.changed, 'change')
    return job.view()
  }

  async resume(id: string): Promise<JobView> {
    const job = this.#job(id)
    this.heard.push(`resume ${job.number}`)
    if (job.end?.state === 'done') throw new DeskError('JOB_STATE', `job ${id} is done`)
    return job.view()
  }

  async forget(id: string): Promise<void> {
    const job = this.#job(id)
    if (job.end === undefined) throw new DeskError('JOB_STATE', `job ${id} is running`)
    this.heard.push(`forget ${job.number}`)
    this.#jobs.delete(id)
  }

  async jobs(): Promise<readonly JobView[]> {
    return [...this.#jobs.values()].map(job => job.view())
  }

  async describe(id: string): Promise<JobDetail> {
    const job = this.#job(id)
    const { end, asked } = job
    return { view: job.view(), asked, failures: end?.failures ?? [], ...(end && { receipt: end.receipt }) }
  }

  async agents(): Promise<readonly AgentView[]> {
    return this.#agents
  }

  drain(agent: string): Promise<AgentView> {
    this.heard.push(`drain ${agent}`)
    return this.#change(agent, { draining: true })
  }

  setSlots(agent: string, slots: number): Promise<AgentView> {
    this.heard.push(`slots ${agent} ${slots}`)
    return this.#change(agent, { slots })
  }

  async #change(name: string, change: Partial<AgentView>): Promise<AgentView> {
    const at = this.#agents.findIndex(agent => agent.name === name)
    const agent = this.#agents[at]
    if (agent === undefined) throw new DeskError('AGENT_UNKNOWN', `there is no agent ${name}`)
    this.#agents[at] = { ...agent, ...change }
    return { ...agent, ...change }
  }

  #job(id: string): Held {
    const job = this.#jobs.get(id)
    if (job === undefined) throw new DeskError('JOB_UNKNOWN', `there is no job ${id}`)
    return job
  }
}
