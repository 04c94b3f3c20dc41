// The words of the worker protocol: what a frame's description holds, by type. In: typed messages, or frames that passed
// frame.ts. Out: the other. Always true: a message from a worker has the shape that its type names, and outcomes add up to
// their span, so nothing behind this file checks again. (docs/worker-protocol.md lists the same for other languages.)
import { countOf, type Items } from '../proto/items.js'
import type { Failure, FailureReason, ItemFailure } from '../proto/outcome.js'
import type { JobSpec, Span } from '../proto/shard.js'
import type { Timing } from '../proto/timing.js'
import { type Frame, FrameError } from './frame.js'
import type { LoadedCode, WorkerRun } from './worker.js'

export const PROTOCOL_VERSION = 1

const TYPE = { load: 1, run: 2, close: 3, ready: 17, loaded: 18, refused: 19, outcomes: 20 } as const
export const TO_WORKER: readonly number[] = [TYPE.load, TYPE.run, TYPE.close]
export const FROM_WORKER: readonly number[] = [TYPE.ready, TYPE.loaded, TYPE.refused, TYPE.outcomes]

export type ToWorker =
  | { readonly type: 'load'; readonly load: number; readonly code: LoadedCode }
  | ({ readonly type: 'run' } & WorkerRun)
  | { readonly type: 'close' }

/** The seconds that only the worker can know; `dispatchSeconds` is the agent's to measure. */
export type WorkerTiming = Omit<Timing, 'dispatchSeconds'>

export interface WorkerOutcomes {
  readonly type: 'outcomes'
  readonly run: number
  readonly span: Span
  readonly values: Items
  readonly failures: readonly ItemFailure[]
  readonly timing: WorkerTiming
  readonly last: boolean
}

export type FromWorker =
  | { readonly type: 'ready'; readonly protocol: number }
  | { readonly type: 'loaded'; readonly load: number }
  | { readonly type: 'refused'; readonly load: number; readonly failure: Failure }
  | WorkerOutcomes

export const toWorkerFrame = (message: ToWorker): Frame => {
  switch (message.type) {
    case 'load':
      return { type: TYPE.load, id: message.load, last: false, meta: { ...message.code } }
    case 'run': {
      const { run, load, start, items, careful, timeBoxSeconds } = message
      // JSON has no infinity; 1e300 s is one for all that concerns a time box.
      const boxSeconds = Math.min(timeBoxSeconds, 1e300)
      return { type: TYPE.run, id: run, last: false, meta: { load, start, careful, timeBoxSeconds: boxSeconds }, items }
    }
    case 'close':
      return { type: TYPE.close, id: 0, last: false, meta: {} }
  }
}

/** The agent is the worker's own parent: its frames are believed. */
export const fromAgentFrame = (frame: Frame): ToWorker => {
  if (frame.type === TYPE.close) return { type: 'close' }
  if (frame.type === TYPE.load) return { type: 'load', load: frame.id, code: frame.meta as unknown as LoadedCode }
  if (frame.items === undefined) throw new FrameError('a run without items')
  const { load, start, careful, timeBoxSeconds } = frame.meta as unknown as Omit<WorkerRun, 'run' | 'items'>
  return { type: 'run', run: frame.id, load, start, items: frame.items, careful, timeBoxSeconds }
}

export const fromWorkerFrame = (message: FromWorker): Frame => {
  switch (message.type) {
    case 'ready':
      return { type: TYPE.ready, id: 0, last: false, meta: { protocol: message.protocol } }
    case 'loaded':
      return { type: TYPE.loaded, id: message.load, last: false, meta: {} }
    case 'refused':
      return { type: TYPE.refused, id: message.load, last: false, meta: { failure: message.failure } }
    case 'outcomes': {
      const { run, span, values, failures, timing, last } = message
      return {
        type: TYPE.outcomes,
        id: run,
        last,
        meta: { start: span.start, end: span.end, failures, timing },
        items: values,
      }
    }
  }
}

const REASONS: readonly unknown[] = ['error', 'crash', 'timeout', 'cancelled', 'undecodable'] satisfies FailureReason[]

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

const readFailure = (value: unknown): Failure => {
  if (!isRecord(value) || !REASONS.includes(value.reason) || typeof value.message !== 'string')
    throw new FrameError('a failure without reason and message')
  const { reason, message, stack, stderr } = value as unknown as Failure
  return {
    reason,
    message,
    ...(typeof stack === 'string' ? { stack } : {}),
    ...(typeof stderr === 'string' ? { stderr } : {}),
  }
}

const secondsOf = (found: unknown): number => (typeof found === 'number' && found >= 0 ? found : 0)

const readSeconds = (value: unknown): WorkerTiming => {
  const given: Partial<Record<keyof WorkerTiming, unknown>> = isRecord(value) ? value : {}
  return {
    computeSeconds: secondsOf(given.computeSeconds),
    decodeSeconds: secondsOf(given.decodeSeconds),
    encodeSeconds: secondsOf(given.encodeSeconds),
    cpuSeconds: secondsOf(given.cpuSeconds),
    itemSeconds: secondsOf(given.itemSeconds),
    preemptedSeconds: secondsOf(given.preemptedSeconds),
  }
}

const readItemFailures = (value: unknown, span: Span): ItemFailure[] => {
  if (!Array.isArray(value)) throw new FrameError('outcomes without failures')
  let least = span.start
  return value.map((each: unknown) => {
    const index = isRecord(each) ? each.index : undefined
    if (!Number.isSafeInteger(index) || (index as number) < least || (index as number) >= span.end)
      throw new FrameError(`a failure at index ${String(index)}, expected ${least} to ${span.end}`)
    least = (index as number) + 1
    return { index: index as number, ...readFailure(each) }
  })
}

/** Reads what a worker sent. `operationOf` tells how many values the outcomes of a run must hold. */
export const fromWorker = (
  frame: Frame,
  operationOf: (run: number) => JobSpec['operation'] | undefined,
): FromWorker => {
  switch (frame.type) {
    case TYPE.ready:
      if (frame.meta.protocol !== PROTOCOL_VERSION)
        throw new FrameError(`the worker speaks protocol ${String(frame.meta.protocol)}, expected ${PROTOCOL_VERSION}`)
      return { type: 'ready', protocol: PROTOCOL_VERSION }
    case TYPE.loaded:
      return { type: 'loaded', load: frame.id }
    case TYPE.refused:
      return { type: 'refused', load: frame.id, failure: readFailure(frame.meta.failure) }
  }
  const operation = operationOf(frame.id)
  if (operation === undefined) throw new FrameError(`outcomes of run ${frame.id}, which is not in progress`)
  const { start, end } = frame.meta as { start: number; end: number }
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || end < start)
    throw new FrameError('outcomes without a span')
  const span = { start, end }
  const failures = readItemFailures(frame.meta.failures, span)
  if (frame.items === undefined) throw new FrameError('outcomes without values')
  const expected = operation === 'fold' ? (failures.length === 0 && end > start ? 1 : 0) : end - start - failures.length
  const count = countOf(frame.items)
  if (count !== expected) throw new FrameError(`${count} values, expected ${expected}`)
  const timing = readSeconds(frame.meta.timing)
  return { type: 'outcomes', run: frame.id, span, values: frame.items, failures, timing, last: frame.last }
}
