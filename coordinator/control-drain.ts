// Back-pressure of a call's stream, for the service and its client. In: a stream that takes no more for now, a signal. Out: a promise.
// Always true: nothing listens to either of the two any more once it has resolved.
import type { EventEmitter } from 'node:events'

/** Resolves when more can be written, or the signal says that nobody wants it any more. */
export const drained = (stream: Pick<EventEmitter, 'once' | 'off'>, signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    const done = (): void => {
      stream.off('drain', done)
      signal.removeEventListener('abort', done)
      resolve()
    }
    stream.once('drain', done)
    signal.addEventListener('abort', done)
    if (signal.aborted) done()
  })
