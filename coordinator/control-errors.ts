// What a desk refuses, on its way through gRPC: a status that every client has, and details that programs act on. In: errors of a
// desk, or of a call. Out: the other. Always true: a DeskError that comes out has the code, the words and the field of the one that
// went in; what nobody expected is told to the log, and to the client without its insides.
import { Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { BadRequest, type Detail, ErrorInfo, RetryInfo, Status } from '../proto/gen/status.js'
import type { Log } from '../proto/log.js'
import { type DeskCode, DeskError } from './serve/desk.js'

const DETAILS = 'grpc-status-details-bin'
const DOMAIN = 'manyhands'
const RETRY_SECONDS = 1

const STATUS: Readonly<Record<DeskCode, status>> = {
  JOB_UNKNOWN: status.NOT_FOUND,
  AGENT_UNKNOWN: status.NOT_FOUND,
  JOB_STATE: status.FAILED_PRECONDITION,
  ASKED: status.INVALID_ARGUMENT,
  BUSY: status.RESOURCE_EXHAUSTED,
  STORE: status.UNAVAILABLE,
  ENDING: status.UNAVAILABLE,
  UNREACHABLE: status.UNAVAILABLE,
}

/** It may be asked for again after a moment. */
const PASSING: readonly DeskCode[] = ['BUSY', 'STORE']

const typeUrl = (name: string): string => `type.googleapis.com/google.rpc.${name}`

const detailsOf = ({ code, message, field }: DeskError): Detail[] => [
  { typeUrl: typeUrl('ErrorInfo'), value: ErrorInfo.encode({ reason: code, domain: DOMAIN }).finish() },
  ...(field === undefined
    ? []
    : [
        {
          typeUrl: typeUrl('BadRequest'),
          value: BadRequest.encode({ fieldViolations: [{ field, description: message }] }).finish(),
        },
      ]),
  ...(PASSING.includes(code)
    ? [
        {
          typeUrl: typeUrl('RetryInfo'),
          value: RetryInfo.encode({ retryDelay: { seconds: BigInt(RETRY_SECONDS), nanos: 0 } }).finish(),
        },
      ]
    : []),
]

export interface Refusal {
  readonly code: status
  readonly details: string
  readonly metadata: Metadata
}

export const toRefusal = (error: unknown, log: Log): Refusal => {
  const metadata = new Metadata()
  if (!(error instanceof DeskError)) {
    log('error', `A call failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
    return { code: status.INTERNAL, details: 'the daemon failed at this: its log says more', metadata }
  }
  const code = STATUS[error.code]
  const said = Status.encode({ code, message: error.message, details: detailsOf(error) }).finish()
  metadata.set(DETAILS, Buffer.from(said))
  return { code, details: error.message, metadata }
}

export const isServiceError = (error: unknown): error is ServiceError =>
  error instanceof Error && 'code' in error && 'details' in error && 'metadata' in error

/** What a call ended with, as the daemon meant it; what comes from the way there is UNREACHABLE. */
export const toDeskError = (error: unknown): unknown => {
  if (!isServiceError(error)) return error
  const said = error.metadata?.get(DETAILS)[0]
  if (said instanceof Buffer) {
    const { message, details } = Status.decode(said)
    const find = (name: string): Uint8Array | undefined => details.find(each => each.typeUrl === typeUrl(name))?.value
    const info = find('ErrorInfo')
    const bad = find('BadRequest')
    const [violation] = bad === undefined ? [] : BadRequest.decode(bad).fieldViolations
    const { reason, domain } = info === undefined ? { reason: '', domain: '' } : ErrorInfo.decode(info)
    if (domain === DOMAIN)
      return new DeskError(reason as DeskCode, message, { cause: error, ...(violation && { field: violation.field }) })
  }
  const isOnTheWay = error.code === status.UNAVAILABLE || error.code === status.DEADLINE_EXCEEDED
  return isOnTheWay ? new DeskError('UNREACHABLE', error.details, { cause: error }) : error
}
