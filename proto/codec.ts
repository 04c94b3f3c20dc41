// The only door between domain types and bytes: everything that travels goes in and out here.
// In: a domain value, or the bytes of one. Out: bytes, or a domain value that is whole and consistent; anything else is a
// MessageError. Packed values come last in their message and are copied once, into it; out of it they are views. Nothing is
// boxed.
import { type BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire'
import type { BlobChunk, BlobRequest } from './blob.js'
import type { BundleFile } from './bundle.js'
import { rememberedChecksum } from './checksum.js'
import {
  HEADER_BYTES,
  MessageError,
  type MessageType,
  OLDEST_VERSION,
  PROTOCOL_VERSION,
  seal,
  unwrap,
  wrap,
} from './envelope.js'
import * as wire from './gen/wire.js'
import { countOf, type Items } from './items.js'
import {
  beforeValues,
  bytesOfItems,
  hasBytes,
  hashFromWire,
  itemsFromWire,
  itemsToWire,
  refFromWire,
  refToWire,
  whole,
} from './items-codec.js'
import type { ShardAttempt } from './live.js'
import type { FailureReason, ItemFailure, Report } from './outcome.js'
import type { Part } from './part.js'
import type { Beat, Broadcast } from './presence.js'
import type { BlobRef, JobSpec, Operation, RunnerName, Task } from './shard.js'
import type { SlotTiming } from './timing.js'

interface WireType<W> {
  encode(message: W, writer?: BinaryWriter): BinaryWriter
  decode(input: BinaryReader | Uint8Array, length?: number): W
}

interface Codec<T> {
  encode(value: T): Uint8Array
  /** Throws MessageError for whatever is not one whole message of this type. */
  decode(message: Uint8Array): T
}

/** The items of a message, and the number of their field; none where the message is the items. */
interface Last<T> {
  readonly field: number | undefined
  items(value: T): Items | BlobRef
}

/** `last`: what `to` leaves out where it has bytes. */
const codec = <T, W>(
  type: MessageType,
  shape: WireType<W>,
  to: (value: T) => W,
  from: (message: W) => T,
  last?: Last<T>,
): Codec<T> => ({
  encode: value => {
    const body = encodeBody(shape, to(value))
    const items = last?.items(value)
    return items !== undefined && hasBytes(items) ? withValues(type, body, last?.field, items) : wrap(type, body)
  },
  decode: message => {
    const body = unwrap(type, message)
    try {
      return from(shape.decode(body))
    } catch (error) {
      throw error instanceof MessageError ? error : new MessageError(`${type}: ${(error as Error).message}`)
    }
  },
})

// Nearly all messages are small and many: the memory in which they are put together is used again.
let spare: BinaryWriter | undefined
const SMALL_BYTES = 4096

const encodeBody = <W>(shape: WireType<W>, message: W): Uint8Array => {
  const writer = spare ?? new BinaryWriter()
  // One that throws half-way is not used again, nor one that has grown.
  spare = undefined
  const body = shape.encode(message, writer).finish()
  if (body.byteLength <= SMALL_BYTES) spare = writer
  return body
}

const withValues = (type: MessageType, body: Uint8Array, field: number | undefined, items: Items): Uint8Array => {
  const bytes = bytesOfItems(items)
  const at = HEADER_BYTES + body.byteLength
  const before = beforeValues(field, items, bytes.byteLength, at)
  const message = Buffer.allocUnsafe(at + before.length + bytes.byteLength)
  message.set(body, HEADER_BYTES)
  message.set(before, at)
  message.set(bytes, at + before.length)
  const checksum = rememberedChecksum(items)
  return seal(type, message, checksum === undefined ? undefined : { checksum, bytes: bytes.byteLength })
}

/** Left out where the values come last. */
const headOf = (items: Items | BlobRef): wire.Items | undefined => (hasBytes(items) ? undefined : itemsToWire(items))

const big = (value: number): bigint => BigInt(value)

const REASONS: readonly (FailureReason | undefined)[] = [
  undefined,
  'error',
  'crash',
  'timeout',
  'cancelled',
  'undecodable',
]
const OPERATIONS: readonly (Operation | undefined)[] = [undefined, 'map', 'fold']
const RUNNERS: readonly string[] = ['node', 'python', 'exec']

const oneOf = <T>(table: readonly (T | undefined)[], code: number, what: string): T => {
  const value = table[code]
  if (value === undefined) throw new MessageError(`unknown ${what} ${code}`)
  return value
}

const failureToWire = (failure: ItemFailure): wire.Failure => ({
  index: big(failure.index),
  reason: REASONS.indexOf(failure.reason) as wire.Reason,
  message: failure.message,
  stack: failure.stack ?? '',
  stderr: failure.stderr ?? '',
})

const failureFromWire = (failure: wire.Failure): ItemFailure => ({
  index: whole(failure.index),
  reason: oneOf(REASONS, failure.reason, 'reason'),
  message: failure.message,
  ...(failure.stack && { stack: failure.stack }),
  ...(failure.stderr && { stderr: failure.stderr }),
})

const seconds = (value: number): number => {
  if (!(value >= 0 && Number.isFinite(value))) throw new MessageError(`${value} is not a duration`)
  return value
}

const timingFromWire = (timing: wire.Timing | undefined): SlotTiming => {
  if (timing === undefined) throw new MessageError('a report without timing')
  return {
    computeSeconds: seconds(timing.computeSeconds),
    decodeSeconds: seconds(timing.decodeSeconds),
    encodeSeconds: seconds(timing.encodeSeconds),
    dispatchSeconds: seconds(timing.dispatchSeconds),
    cpuSeconds: seconds(timing.cpuSeconds),
    startSeconds: seconds(timing.startSeconds),
    waitSeconds: seconds(timing.waitSeconds),
    itemSeconds: seconds(timing.itemSeconds),
    preemptedSeconds: seconds(timing.preemptedSeconds),
    lostSeconds: seconds(timing.lostSeconds),
    elsewhereSeconds: seconds(timing.elsewhereSeconds),
  }
}

const spanFromWire = (span: wire.Span | undefined): { start: number; end: number } => {
  if (span === undefined) throw new MessageError('a span is missing')
  const start = whole(span.start)
  const end = whole(span.end)
  if (end < start) throw new MessageError(`the span [${start}, ${end}) ends before it starts`)
  return { start, end }
}

const spanToWire = (span: { start: number; end: number }): wire.Span => ({ start: big(span.start), end: big(span.end) })

export const taskCodec: Codec<Task> = codec<Task, wire.Task>(
  'task',
  wire.Task,
  task => ({
    job: task.job,
    epoch: big(task.epoch),
    shard: big(task.shard),
    attempt: task.attempt,
    start: big(task.start),
    items: headOf(task.items),
    careful: task.careful,
    timeBoxSeconds: task.timeBoxSeconds,
  }),
  task => {
    const start = whole(task.start)
    const items = itemsFromWire(task.items)
    if (!('sha256' in items) && !Number.isSafeInteger(start + countOf(items)))
      throw new MessageError('the items of a task end beyond 2^53')
    return {
      job: task.job,
      epoch: whole(task.epoch),
      shard: whole(task.shard),
      attempt: task.attempt,
      start,
      items,
      careful: task.careful,
      timeBoxSeconds: seconds(task.timeBoxSeconds),
    }
  },
  { field: 6, items: task => task.items },
)

export const reportCodec: Codec<Report> = codec<Report, wire.Report>(
  'report',
  wire.Report,
  report => ({
    job: report.job,
    epoch: big(report.epoch),
    shard: big(report.shard),
    attempt: report.attempt,
    agent: report.agent,
    slot: report.slot,
    sequence: report.sequence,
    span: spanToWire(report),
    values: headOf(report.values),
    failures: report.failures.map(failureToWire),
    timing: report.timing,
    last: report.last,
    suspects: report.suspects && spanToWire(report.suspects),
    givenBack: report.givenBack && spanToWire(report.givenBack),
    refusal: report.refusal ?? '',
  }),
  message => {
    const span = spanFromWire(message.span)
    const values = itemsFromWire(message.values)
    if ('sha256' in values) throw new MessageError('a report whose values are a reference')
    const failures = message.failures.map(failureFromWire)
    let previous = span.start - 1
    for (const failure of failures) {
      if (failure.index <= previous || failure.index >= span.end)
        throw new MessageError('failures are not in order within the span')
      previous = failure.index
    }
    return {
      job: message.job,
      epoch: whole(message.epoch),
      shard: whole(message.shard),
      attempt: message.attempt,
      agent: message.agent,
      slot: message.slot,
      sequence: message.sequence,
      ...span,
      values,
      failures,
      timing: timingFromWire(message.timing),
      last: message.last,
      ...(message.suspects && { suspects: spanFromWire(message.suspects) }),
      ...(message.givenBack && { givenBack: spanFromWire(message.givenBack) }),
      ...(message.refusal && { refusal: message.refusal }),
    }
  },
  { field: 7, items: report => report.values },
)

export const beatCodec: Codec<Beat> = codec<Beat, wire.Beat>(
  'beat',
  wire.Beat,
  beat => ({
    agent: beat.agent,
    host: beat.host,
    sequence: big(beat.sequence),
    slots: beat.slots,
    draining: beat.draining,
    oldestVersion: OLDEST_VERSION,
    newestVersion: PROTOCOL_VERSION,
    held: beat.held.map(held => ({ ...held, epoch: big(held.epoch), shard: big(held.shard) })),
  }),
  beat => ({
    agent: beat.agent,
    host: beat.host,
    sequence: whole(beat.sequence),
    slots: beat.slots,
    draining: beat.draining,
    held: beat.held.map(held => ({ ...held, epoch: whole(held.epoch), shard: whole(held.shard) })),
  }),
)

const attemptToWire = ({ shard, attempt }: ShardAttempt): wire.LiveShard => ({ shard: big(shard), attempt })
const attemptFromWire = ({ shard, attempt }: wire.LiveShard): ShardAttempt => ({ shard: whole(shard), attempt })

export const broadcastCodec: Codec<Broadcast> = codec<Broadcast, wire.Broadcast>(
  'broadcast',
  wire.Broadcast,
  broadcast => ({
    coordinator: broadcast.coordinator,
    sequence: big(broadcast.sequence),
    closing: broadcast.closing,
    jobs: broadcast.jobs.map(job => ({
      job: job.job,
      epoch: big(job.epoch),
      spec: refToWire(job.spec),
      weight: job.weight,
      nextShard: big(job.nextShard),
      live: job.live.others.map(attemptToWire),
      liveFrom: big(job.live.from),
      liveBits: job.live.bits,
      recalled: job.recalled.map(attemptToWire),
      finishing: job.finishing,
      specContent: job.specContent ?? new Uint8Array(),
    })),
  }),
  broadcast => ({
    coordinator: broadcast.coordinator,
    sequence: whole(broadcast.sequence),
    closing: broadcast.closing,
    jobs: broadcast.jobs.map(job => ({
      job: job.job,
      epoch: whole(job.epoch),
      spec: refFromWire(job.spec),
      weight: job.weight,
      nextShard: whole(job.nextShard),
      live: { from: whole(job.liveFrom), bits: job.liveBits, others: job.live.map(attemptFromWire) },
      recalled: job.recalled.map(attemptFromWire),
      finishing: job.finishing,
      ...(job.specContent.byteLength > 0 && { specContent: job.specContent }),
    })),
  }),
)

export const jobSpecCodec: Codec<JobSpec> = codec<JobSpec, wire.JobSpec>(
  'jobSpec',
  wire.JobSpec,
  spec => ({
    job: spec.job,
    name: spec.name,
    operation: OPERATIONS.indexOf(spec.operation) as wire.Operation,
    runner: spec.runner,
    bundle: spec.bundle && refToWire(spec.bundle),
    entry: spec.entry,
    function: spec.function,
    init: spec.init ?? '',
    shared: spec.shared && refToWire(spec.shared.blob),
    sharedIsBytes: spec.shared?.kind === 'bytes',
    spread: spec.spread,
    mapper: spec.mapper ?? '',
    timeoutSeconds: spec.timeoutSeconds ?? 0,
    command: [...(spec.command?.argv ?? [])],
    shell: spec.command?.shell ?? false,
    concurrency: spec.concurrency ?? 0,
    takesRecords: spec.takesRecords ?? false,
  }),
  spec => {
    if (!RUNNERS.includes(spec.runner)) throw new MessageError(`unknown runner ${spec.runner}`)
    return {
      job: spec.job,
      name: spec.name,
      operation: oneOf(OPERATIONS, spec.operation, 'operation'),
      runner: spec.runner as RunnerName,
      ...(spec.bundle && { bundle: refFromWire(spec.bundle) }),
      entry: spec.entry,
      function: spec.function,
      ...(spec.init && { init: spec.init }),
      ...(spec.shared && {
        shared: { blob: refFromWire(spec.shared), kind: spec.sharedIsBytes ? 'bytes' : 'json' } as const,
      }),
      spread: spec.spread,
      ...(spec.mapper && { mapper: spec.mapper }),
      ...(spec.timeoutSeconds > 0 && { timeoutSeconds: seconds(spec.timeoutSeconds) }),
      ...(spec.command.length > 0 && { command: { argv: spec.command, shell: spec.shell } }),
      ...(spec.concurrency > 0 && { concurrency: spec.concurrency }),
      ...(spec.takesRecords && { takesRecords: true }),
    }
  },
)

export const bundleCodec: Codec<readonly BundleFile[]> = codec<readonly BundleFile[], wire.Bundle>(
  'bundle',
  wire.Bundle,
  files => ({ files: files.map(file => ({ ...file })) }),
  bundle => bundle.files,
)

/** Items that travel as a blob because they are too large for a message. */
export const itemsCodec: Codec<Items> = codec<Items, wire.Items>(
  'items',
  wire.Items,
  items => headOf(items) ?? { count: 0n, form: undefined, padding: new Uint8Array() },
  message => {
    const items = itemsFromWire(message)
    if ('sha256' in items) throw new MessageError('a reference to a reference')
    return items
  },
  { field: undefined, items: items => items },
)

export const blobRequestCodec: Codec<BlobRequest> = codec<BlobRequest, wire.BlobRequest>(
  'blobRequest',
  wire.BlobRequest,
  request => ({
    coordinator: request.coordinator,
    sha256: Buffer.from(request.sha256, 'hex'),
    offsetBytes: big(request.offsetBytes),
    limitBytes: request.limitBytes,
  }),
  request => ({
    coordinator: request.coordinator,
    sha256: hashFromWire(request.sha256),
    offsetBytes: whole(request.offsetBytes),
    limitBytes: request.limitBytes,
  }),
)

export const blobChunkCodec: Codec<BlobChunk> = codec<BlobChunk, wire.BlobChunk>(
  'blobChunk',
  wire.BlobChunk,
  chunk => ({ found: chunk.data !== undefined, sizeBytes: big(chunk.sizeBytes), data: chunk.data ?? new Uint8Array() }),
  chunk => ({ sizeBytes: whole(chunk.sizeBytes), data: chunk.found ? chunk.data : undefined }),
)

/** Reports that are sent together, each a message by itself. */
export const reportsCodec: Codec<readonly Uint8Array[]> = codec<readonly Uint8Array[], wire.Reports>(
  'reports',
  wire.Reports,
  reports => ({ reports: [...reports] }),
  ({ reports }) => reports,
)

export const partCodec: Codec<Part> = codec<Part, wire.Part>(
  'part',
  wire.Part,
  part => ({ ...part, sha256: Buffer.from(part.sha256, 'hex') }),
  part => ({ ...part, sha256: hashFromWire(part.sha256) }),
)
