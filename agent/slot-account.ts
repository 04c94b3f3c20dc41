// The account of one slot's time. Pure. In: what the slot is at from now on, jobs that begin and end, what workers measured
// themselves. Out: for each report of a job, the time since the job's last one, cut into its parts.
// Always true: each moment is in one part; over the reports of all jobs no moment is counted twice.
import type { SlotTiming, Timing } from '../proto/timing.js'

/** `starting`: the worker, or the function in it, is not ready. `waiting`: there is nothing to run. */
export type SlotState = 'waiting' | 'starting' | 'working'

/** What the clocks of two processes cannot agree on. */
const ROUNDING_SECONDS = 1e-9

export class SlotAccount {
  #state: SlotState = 'waiting'
  #sinceSeconds: number
  /** What no report has taken yet. */
  #seconds: Record<SlotState, number> = { waiting: 0, starting: 0, working: 0 }
  #lost: { readonly job: string; seconds: number } | undefined
  /** Up to when each job's time is accounted for. */
  readonly #jobs = new Map<string, number>()
  /** Work that a worker began while the report before it was still on its way: it was dispatch in that one. */
  #earlySeconds = 0

  constructor(now: number) {
    this.#sinceSeconds = now
  }

  /** Its time is counted from now on. */
  beginJob(job: string, now: number): void {
    if (this.#jobs.has(job)) return
    this.#settle(now)
    // The time that no job had is nobody's.
    if (this.#jobs.size === 0) this.#clear()
    this.#jobs.set(job, now)
  }

  endJob(job: string): void {
    this.#jobs.delete(job)
  }

  become(state: SlotState, now: number): void {
    if (state === this.#state) return
    this.#settle(now)
    this.#state = state
  }

  /** What it was at comes to nothing. */
  lose(job: string, now: number): void {
    this.#settle(now)
    const before = this.#lost?.job === job ? this.#lost.seconds : 0
    this.#lost = { job, seconds: before + this.#seconds.working }
    this.#seconds.working = 0
    this.#earlySeconds = 0
  }

  /** The time for a report of the job. What a worker had and did not measure is dispatch. */
  take(job: string, timing: Timing, now: number): SlotTiming {
    this.#settle(now)
    const hadSeconds = now - (this.#jobs.get(job) ?? now - this.#takenSeconds)
    if (this.#jobs.has(job)) this.#jobs.set(job, now)
    let left = Math.max(0, hadSeconds)
    const within = (seconds: number): number => {
      const taken = Math.min(seconds, left)
      left -= taken
      return taken
    }
    const workingSeconds = within(this.#seconds.working)
    const lostSeconds = this.#lost?.job === job ? within(this.#lost.seconds) : 0
    const startSeconds = within(this.#seconds.starting)
    const waitSeconds = within(this.#seconds.waiting)
    const measured = timing.computeSeconds + timing.decodeSeconds + timing.encodeSeconds
    const rest = workingSeconds - measured - this.#earlySeconds
    this.#clear()
    this.#earlySeconds = Math.max(0, -rest)
    const elsewhereSeconds = left > ROUNDING_SECONDS ? left : 0
    // Written out: objects of one shape, without which every reader of a report would be slow.
    const { computeSeconds, decodeSeconds, encodeSeconds, cpuSeconds, itemSeconds, preemptedSeconds } = timing
    return {
      computeSeconds,
      decodeSeconds,
      encodeSeconds,
      dispatchSeconds: Math.max(0, rest),
      cpuSeconds,
      itemSeconds,
      preemptedSeconds,
      startSeconds,
      waitSeconds,
      lostSeconds,
      elsewhereSeconds,
    }
  }

  get #takenSeconds(): number {
    const { waiting, starting, working } = this.#seconds
    return waiting + starting + working + (this.#lost?.seconds ?? 0)
  }

  #settle(now: number): void {
    this.#seconds[this.#state] += Math.max(0, now - this.#sinceSeconds)
    this.#sinceSeconds = now
  }

  #clear(): void {
    this.#seconds = { waiting: 0, starting: 0, working: 0 }
    this.#lost = undefined
    this.#earlySeconds = 0
  }
}
