// Durations that travel: each was taken on one host's monotonic clock, so each may be added to any other.

/** Seconds of one slot, of one report's part of an attempt. */
export interface Timing {
  /** Inside the user's function: at least one item was in progress. */
  readonly computeSeconds: number
  readonly decodeSeconds: number
  readonly encodeSeconds: number
  /** From the frame's leaving the agent to its outcomes' coming back, less the three above. */
  readonly dispatchSeconds: number
  /** CPU that the worker used for it, user and system; 0 where it is not known. */
  readonly cpuSeconds: number
  /**
   * The sum of each item's own time from its call to its end, where several may be in progress at once: what a loop that
   * awaits one after the other would take. 0: one was in progress at a time, so it is `computeSeconds`.
   */
  readonly itemSeconds: number
  /** Of the compute seconds: the worker wanted a core and had none, as the system tells; 0 where it does not. */
  readonly preemptedSeconds: number
}

export const NO_TIME: Timing = {
  computeSeconds: 0,
  decodeSeconds: 0,
  encodeSeconds: 0,
  dispatchSeconds: 0,
  cpuSeconds: 0,
  itemSeconds: 0,
  preemptedSeconds: 0,
}

/**
 * The time of a slot since its last report of the job, cut into parts that add up to it: compute, decode, encode, dispatch,
 * start, wait, lost and elsewhere.
 */
export interface SlotTiming extends Timing {
  /** Until the worker was ready, its function loaded. */
  readonly startSeconds: number
  /** With nothing to run. */
  readonly waitSeconds: number
  /** With items whose outcomes never came: their worker died, or was ended. */
  readonly lostSeconds: number
  /** For other jobs: no part of what this job had. */
  readonly elsewhereSeconds: number
}

export const NO_SLOT_TIME: SlotTiming = {
  ...NO_TIME,
  startSeconds: 0,
  waitSeconds: 0,
  lostSeconds: 0,
  elsewhereSeconds: 0,
}

/** Seconds on this process's monotonic clock. Injected wherever time decides, so that tests can own it. */
export type Clock = () => number

export const monotonicSeconds: Clock = () => performance.now() / 1000
