// An item's failure as an Error, for the library: it names the item, and its cause carries the remote stack.
import type { Failure, FailureReason, ItemFailure } from '../proto/outcome.js'

/** An item that has no value. `cause.stack` is the stack as the worker printed it, when the function threw. */
export class ItemError extends Error {
  override readonly name = 'ItemError'
  /** The item's 0-based place in the input. */
  readonly index: number
  readonly reason: FailureReason
  /** The last of the worker's standard error, when its end says more than the message. */
  readonly stderr: string | undefined

  constructor(failure: ItemFailure) {
    super(`item ${failure.index}: ${failure.message}`, { cause: causeOf(failure) })
    this.index = failure.index
    this.reason = failure.reason
    this.stderr = failure.stderr
  }
}

const causeOf = ({ message, stack }: Failure): Error => {
  // The class stays with the worker; its name is in the first line of what it printed.
  const name = /^([A-Za-z_$][\w$.]*):/.exec(stack ?? '')?.[1]
  const isNamed = name !== undefined && message.startsWith(`${name}: `)
  const cause = new Error(isNamed ? message.slice(name.length + 2) : message)
  if (name !== undefined) cause.name = name
  cause.stack = stack ?? message
  return cause
}

/** A job that has no result: it could not run, or its input or output failed. The message says what to do. */
export class JobError extends Error {
  override readonly name = 'JobError'
}
