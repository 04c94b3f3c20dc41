// A seat for one worker; what its time goes to is in slot-account.ts.
// In: what the pool gives it to run, what its worker says. Out: reports, and word of each attempt's end.
// Always true: an attempt given to a slot ends exactly once: with its last report, or by being handed back untouched.
import { countOf, EMPTY_ITEMS, type Items } from '../proto/items.js'

import type { ItemFailure, Report } from '../proto/outcome.js'
import type { RunnerName, Span, Task } from '../proto/shard.js'
import type { Clock, SlotTiming, Timing } from '../proto/timing.js'
import { NO_SLOT_TIME, NO_TIME } from '../proto/timing.js'
import { SlotAccount, type SlotState } from './slot-account.js'
import type { LoadedCode, Worker, WorkerEvent, WorkerOptions } from './worker.js'

/** A task whose items and code are on this host. */
export interface Work {
  readonly task: Task
  readonly items: Items
  readonly code: LoadedCode
}

export interface SlotEvents {
  readonly onReport: (report: Report) => void
  /** Handed back: no worker had begun it. */
  readonly onUntouched: (work: Work) => void
  /** The slot may have room. */
  readonly onRoom: () => void
  /** The job cannot run on this host. */
  readonly onRefused: (job: string, message: string) => void
}

export interface SlotOptions extends SlotEvents {
  /** The agent's name. */
  readonly agent: string
  readonly number: number
  readonly clock: Clock
  readonly startWorker: (options: WorkerOptions) => Worker
  readonly onPrint: (line: string) => void
  readonly cwd: string
}

interface Running {
  readonly run: number
  readonly work: Work
  sequence: number
  /** Since when it runs, or since its newest report. */
  sinceSeconds: number
  /** Something of it has come back, or its worker was seen to begin it. */
  begun: boolean
  /** Its end was given back. */
  isRecalled: boolean
  /** All of it was. */
  isGivenBack: boolean
}

/** Longer than modules take to load, shorter than people wait without a word. */
const LOADING_SECONDS = 10
/** A worker that ends so often in a row before it began an item will not get better. */
const MOST_FALSE_STARTS = 3

/** Jobs of the same code, unpacked into the same folder, may share its modules, as they do in Node. */
const ownerOf = ({ spec, bundleFolder }: LoadedCode): string => bundleFolder ?? spec.job

export class Slot {
  readonly #options: SlotOptions
  #worker: Worker | undefined
  #runner: RunnerName | undefined
  /** The code whose modules a Python worker holds: names of modules would collide with another's. */
  #owner: string | undefined
  #loads = new Map<string, number>()
  /** Those of them that the worker has answered. */
  readonly #loaded = new Set<number>()
  #running: Running[] = []
  #nextRun = 0
  #nextLoad = 0
  #falseStarts = 0
  /** How long the worker took to speak; undefined until it does. */
  #readyAfterSeconds: number | undefined
  #waitingForReady: ((startSeconds: number) => void)[] = []
  readonly #account: SlotAccount
  /** Since when the worker has the code of what it was given last. */
  #loadedSeconds = 0
  /** The oldest code that was sent and is not answered for. */
  #loading: { readonly name: string; readonly sinceSeconds: number; isTold: boolean } | undefined

  constructor(options: SlotOptions) {
    this.#options = options
    this.#account = new SlotAccount(options.clock())
  }

  /** How much it has to run, what it gave back whole apart: that ends as soon as its worker comes to it. */
  get depth(): number {
    let depth = 0
    for (const { isGivenBack } of this.#running) if (!isGivenBack) depth++
    return depth
  }

  /** The job of what it is at, or is about to be. */
  get job(): string | undefined {
    return this.#running[0]?.work.task.job
  }

  /** Since when the worker has been inside of functions without a report; undefined where it has nothing to run, or loads code. */
  get busySince(): number | undefined {
    const [first] = this.#running
    return first === undefined || this.#state !== 'working'
      ? undefined
      : Math.max(first.sinceSeconds, this.#loadedSeconds)
  }

  /** For how long the worker has been at its first run without a word; undefined as for `busySince`. */
  silentSeconds(now: number): number | undefined {
    const since = this.busySince
    return since === undefined ? undefined : now - since
  }

  /** Smaller is better: what it would cost to run this job here. */
  costOf(code: LoadedCode): number {
    if (this.#worker === undefined) return 2
    if (!this.#canServe(code)) return 3
    return this.#loads.has(code.spec.job) ? 0 : 1
  }

  *held(): Iterable<{ readonly task: Task; readonly started: boolean }> {
    for (const [at, { work, begun }] of this.#running.entries()) yield { task: work.task, started: begun || at === 0 }
  }

  /** Whether one of the tasks that it was given is such. */
  some(which: (task: Task) => boolean): boolean {
    for (const { work } of this.#running) if (which(work.task)) return true
    return false
  }

  /** A job begins: its time in this slot is counted from now on. */
  beginAccount(job: string): void {
    this.#account.beginJob(job, this.#options.clock())
  }

  endAccount(job: string): void {
    this.#account.endJob(job)
  }

  /** A worker of this runner is there. */
  isReady(runner: RunnerName): boolean {
    return this.#worker !== undefined && this.#runner === runner && this.#readyAfterSeconds !== undefined
  }

  /** Starts a worker before there is work for it. Resolves when one is there, with how long its start took. */
  prewarm(runner: RunnerName): Promise<number> {
    if (this.#worker === undefined) this.#spawn(runner, undefined)
    this.#account.become(this.#state, this.#options.clock())
    if (this.#readyAfterSeconds !== undefined) return Promise.resolve(this.#readyAfterSeconds)
    return new Promise(resolve => this.#waitingForReady.push(resolve))
  }

  run(work: Work): void {
    const { clock } = this.#options
    const spec = work.code.spec
    const now = clock()
    if (this.#worker !== undefined && !this.#canServe(work.code)) this.#discard()
    if (this.#worker === undefined) this.#spawn(spec.runner, ownerOf(work.code))
    const worker = this.#worker as unknown as Worker
    this.#owner ??= ownerOf(work.code)
    let load = this.#loads.get(spec.job)
    if (load === undefined) {
      load = this.#nextLoad++
      this.#loads.set(spec.job, load)
      worker.load(load, work.code)
      this.#loading ??= { name: spec.name, sinceSeconds: now, isTold: false }
    }
    const run = this.#nextRun++
    this.#running.push({
      run,
      work,
      sequence: 0,
      sinceSeconds: now,
      begun: false,
      isRecalled: false,
      isGivenBack: false,
    })
    const { start, careful, timeBoxSeconds } = work.task
    worker.run({ run, load, start, items: work.items, careful, timeBoxSeconds })
    this.#account.become(this.#state, now)
  }

  /** Ends what runs of these, without a report: nobody wants it any more. What has not begun never begins. */
  abort(unwanted: (task: Task) => boolean): void {
    const [first, ...behind] = this.#running
    if (first === undefined) return
    if (!unwanted(first.work.task) || this.#worker?.isBeyond(first.run) === true) {
      // The worker is at what is wanted: killed, it would be run a second time.
      for (const { work, run } of behind) if (unwanted(work.task)) this.#worker?.curtail(run)
      return
    }
    const rest = this.#running.filter(({ work }) => !unwanted(work.task))
    this.#loseWork()
    this.#running = []
    this.#discard()
    this.#account.become(this.#state, this.#options.clock())
    this.#handBack(rest)
    this.#options.onRoom()
  }

  /** Takes out the last of what stands behind other work, if such may be taken and its worker has not begun it. */
  takeBack(which: (work: Work) => boolean): Work | undefined {
    const at = this.#running.length - 1
    const last = this.#running[at]
    if (at < 1 || last === undefined || last.begun || last.isRecalled || !which(last.work)) return undefined
    const { task } = last.work
    const start = this.#worker?.curtail(last.run) ?? Number.POSITIVE_INFINITY
    if (start <= task.start) {
      // The worker will pass over it; nobody listens to what it says of that.
      this.#running.pop()
      return last.work
    }
    this.#giveBack(last, start)
    return undefined
  }

  /** Gives back what its worker has not begun of these: others have nothing to do. A fold has one value for all of its items. */
  recall(which: (task: Task) => boolean): void {
    for (const running of this.#running) {
      const { task, items, code } = running.work
      if (running.isRecalled || code.spec.operation === 'fold' || !which(task)) continue
      this.#giveBack(running, this.#worker?.curtail(running.run) ?? task.start + countOf(items))
    }
  }

  /** As recall, of what it is at. Returns whether there was anything to give back. */
  interrupt(): boolean {
    const [first] = this.#running
    if (first === undefined || first.isRecalled || first.work.code.spec.operation === 'fold') return false
    const { task, items } = first.work
    this.#giveBack(first, this.#worker?.curtail(first.run) ?? task.start + countOf(items))
    return true
  }

  /** It is not wanted any more: ends its worker, where that has nothing to run. */
  dismiss(): void {
    if (this.#running.length > 0 || this.#worker === undefined) return
    this.#discard()
    this.#account.become(this.#state, this.#options.clock())
  }

  /** The worker ends the run at this item, or at its own end. */
  #giveBack(running: Running, start: number): void {
    const { task, items } = running.work
    const end = task.start + countOf(items)
    running.isRecalled = true
    if (start >= end) return
    running.isGivenBack = start <= task.start
    this.#send(running, { start: task.start, end: task.start }, EMPTY_ITEMS, [], NO_SLOT_TIME, false, {
      givenBack: { start, end },
    })
  }

  /** Takes out what no item of has begun because its code still loads, and ends the worker that loads it: that may take for ever. */
  withdrawLoading(which: (task: Task) => boolean): Work[] {
    const isTaken = ({ work: { task } }: Running): boolean =>
      which(task) && !this.#loaded.has(this.#loads.get(task.job) ?? -1)
    const taken = this.#running.filter(isTaken)
    if (taken.length === 0) return []
    const rest = this.#running.filter(running => !isTaken(running))
    this.#running = []
    this.#discard()
    this.#account.become(this.#state, this.#options.clock())
    this.#handBack(rest)
    return taken.map(({ work }) => work)
  }

  /** What has reported goes back to the ledger: run again here, its reports would have the numbers of the first ones. */
  #handBack(ended: readonly Running[]): void {
    for (const running of ended) {
      const { start } = running.work.task
      if (running.sequence > 0) this.#report(running, { start, end: start }, EMPTY_ITEMS, [], NO_TIME, true)
      else this.#options.onUntouched(running.work)
    }
  }

  async close(graceSeconds: number): Promise<void> {
    const worker = this.#worker
    this.#worker = undefined
    await worker?.close(graceSeconds)
  }

  #canServe(code: LoadedCode): boolean {
    if (this.#runner !== code.spec.runner) return false
    return this.#runner !== 'python' || this.#owner === undefined || this.#owner === ownerOf(code)
  }

  #spawn(runner: RunnerName, owner: string | undefined): void {
    const { startWorker, clock, onPrint, cwd } = this.#options
    this.#runner = runner
    this.#owner = owner
    this.#loads = new Map()
    this.#loaded.clear()
    this.#readyAfterSeconds = undefined
    const worker: Worker = startWorker({
      runner,
      clock,
      cwd,
      onPrint,
      onEvent: event => {
        // A worker that was let go may still speak; nobody listens.
        if (this.#worker === worker) this.#hear(event)
      },
    })
    this.#worker = worker
  }

  #discard(): void {
    const worker = this.#worker
    this.#worker = undefined
    this.#loading = undefined
    void worker?.kill()
  }

  /** No limit holds for the time that code takes to load, so a long one is told of. */
  tick(now: number): void {
    const loading = this.#loading
    if (loading === undefined || loading.isTold || now - loading.sinceSeconds < LOADING_SECONDS) return
    loading.isTold = true
    this.#options.onPrint(
      `${loading.name} has been loading for ${LOADING_SECONDS} s in slot ${this.#options.number}: its module, or its init, has not come to an end`,
    )
  }

  #hear(event: WorkerEvent): void {
    if (event.type !== 'ready') this.#loading = undefined
    switch (event.type) {
      case 'ready':
        this.#readyAfterSeconds = event.startSeconds
        for (const resolve of this.#waitingForReady.splice(0)) resolve(event.startSeconds)
        break
      case 'loaded':
        this.#loaded.add(event.load)
        this.#loadedSeconds = this.#options.clock()
        break
      case 'refused':
        this.#refuse(event.load, event.failure.stack ?? event.failure.message)
        break
      case 'outcomes':
        this.#falseStarts = 0
        this.#outcomes(event)
        break
      case 'ended':
        this.#ended(event)
        break
    }
    this.#account.become(this.#state, this.#options.clock())
  }

  get #state(): SlotState {
    const [first] = this.#running
    if (first === undefined)
      return this.#worker === undefined || this.#readyAfterSeconds !== undefined ? 'waiting' : 'starting'
    return this.#loaded.has(this.#loads.get(first.work.task.job) ?? -1) ? 'working' : 'starting'
  }

  /** What the worker is at will have no outcome. */
  #loseWork(): void {
    const [first] = this.#running
    if (first !== undefined) this.#account.lose(first.work.task.job, this.#options.clock())
  }

  #outcomes(event: Extract<WorkerEvent, { type: 'outcomes' }>): void {
    const running = this.#running.find(({ run }) => run === event.run)
    if (running === undefined) return
    running.begun = true
    if (event.last) this.#running = this.#running.filter(other => other !== running)
    const [first] = this.#running
    if (first !== undefined) first.sinceSeconds = this.#options.clock()
    this.#report(running, event.span, event.values, event.failures, event.timing, event.last)
    if (!event.last) return
    // Before anything new is run here: the time up to then is waiting.
    this.#account.become(this.#state, this.#options.clock())
    this.#options.onRoom()
  }

  #report(
    running: Running,
    span: Span,
    values: Items,
    failures: readonly ItemFailure[],
    timing: Timing,
    last: boolean,
    more?: { suspects?: Span; refusal?: string },
  ): void {
    const accounted = this.#account.take(running.work.task.job, timing, this.#options.clock())
    this.#send(running, span, values, failures, accounted, last, more)
  }

  /** `timing` is what the slot did since its last report, or nothing when that goes on. */
  #send(
    running: Running,
    { start, end }: Span,
    values: Items,
    failures: readonly ItemFailure[],
    timing: SlotTiming,
    last: boolean,
    more: { suspects?: Span; refusal?: string; givenBack?: Span } | undefined,
  ): void {
    const { job, epoch, shard, attempt } = running.work.task
    const sequence = running.sequence++
    const { agent, number: slot } = this.#options
    const report = { job, epoch, shard, attempt, agent, slot, sequence, start, end, values, failures, last, timing }
    this.#options.onReport(more === undefined ? report : { ...report, ...more })
  }

  #refuse(load: number, message: string): void {
    const job = [...this.#loads].find(([, number]) => number === load)?.[0]
    if (job === undefined) return
    this.#loads.delete(job)
    this.#refuseJob(job, message)
  }

  #refuseJob(job: string, refusal: string): void {
    const refused = this.#running.filter(({ work }) => work.task.job === job)
    this.#running = this.#running.filter(({ work }) => work.task.job !== job)
    for (const running of refused) {
      const { start } = running.work.task
      this.#report(running, { start, end: start }, EMPTY_ITEMS, [], NO_TIME, true, { refusal })
    }
    this.#options.onRefused(job, refusal)
    this.#account.become(this.#state, this.#options.clock())
    this.#options.onRoom()
  }

  #ended(event: Extract<WorkerEvent, { type: 'ended' }>): void {
    this.#loseWork()
    this.#worker = undefined
    const running = this.#running
    this.#running = []
    const blamed = event.blame === undefined ? undefined : running.find(({ run }) => run === event.blame?.run)
    if (blamed !== undefined && event.blame !== undefined) {
      this.#falseStarts = 0
      this.#blame(blamed, event.blame, event)
    }
    const untouched = running.filter(other => other !== blamed)
    if (blamed === undefined && running.length > 0 && ++this.#falseStarts >= MOST_FALSE_STARTS) {
      this.#falseStarts = 0
      this.#running = running
      const message =
        `The worker ended ${MOST_FALSE_STARTS} times before it began an item: ${event.message}\n${event.stderr}`.trim()
      this.#refuseJob((running[0] as Running).work.task.job, message)
      return
    }
    this.#account.become(this.#state, this.#options.clock())
    this.#handBack(untouched)
    this.#options.onRoom()
  }

  #blame(
    blamed: Running,
    blame: { readonly span: Span; readonly reason: ItemFailure['reason'] },
    { message, stderr }: { readonly message: string; readonly stderr: string },
  ): void {
    const { span, reason } = blame
    // A fold has one value or none: with one of its items to blame, none.
    if (span.end - span.start === 1) {
      const failure: ItemFailure = { index: span.start, reason, message, ...(stderr && { stderr }) }
      this.#report(blamed, span, EMPTY_ITEMS, [failure], NO_TIME, true)
    } else {
      const nothing = { start: span.start, end: span.start }
      this.#report(blamed, nothing, EMPTY_ITEMS, [], NO_TIME, true, { suspects: span })
    }
  }
}
