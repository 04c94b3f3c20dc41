// What is named by its SHA-256, on the wire, and the asking for it: a job's spec, bundles, large items. In: domain values, or bytes.
// Out: the other, or a MessageError. Always true: a name is the 32 bytes of a hash.
import type { BlobChunk, BlobRequest } from './blob.js'
import type { BundleFile } from './bundle.js'
import { MessageError } from './envelope.js'
import * as wire from './gen/wire.js'
import type { Items } from './items.js'
import { hashFromWire, itemsFromWire, refFromWire, refToWire, whole } from './items-codec.js'
import { big, type Codec, codec, headOf, oneOf, seconds } from './message-codec.js'
import type { JobSpec, Operation, RunnerName } from './shard.js'

const OPERATIONS: readonly (Operation | undefined)[] = [undefined, 'map', 'fold']
const RUNNERS: readonly string[] = ['node', 'python', 'exec']

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
