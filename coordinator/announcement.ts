// What agents are told of a job so that they can work its shards: its spec, with the code and data that it names. In: a
// request, a version of the protocol, where bytes are kept for agents. Out: the spec, and what every broadcast says of it.
import type { BlobSource } from '../proto/blob.js'
import { bundleCodec, jobSpecCodec } from '../proto/blob-codec.js'
import type { ActiveJob } from '../proto/presence.js'
import type { BlobRef, JobSpec } from '../proto/shard.js'
import type { JobRequest } from './job.js'

type Keep = (content: Uint8Array | BlobSource) => BlobRef

/** A job's spec in one version, and what the broadcast says of it. */
export interface Announcement {
  readonly spec: JobSpec
  readonly job: Pick<ActiveJob, 'spec' | 'specContent' | 'version'>
}

/** A longer spec is asked for by who needs it: with less, short jobs wait for an answer more; with more, every broadcast is longer. */
const SPEC_BYTES = 1024

export const announce = (job: string, request: JobRequest, keep: Keep, version: number): Announcement => {
  const spec = specOf(job, request, keep, version)
  const specContent = jobSpecCodec.encode(spec, version)
  const isShort = specContent.byteLength <= SPEC_BYTES
  return { spec, job: { spec: keep(specContent), version, ...(isShort && { specContent }) } }
}

const specOf = (job: string, request: JobRequest, keep: Keep, version: number): JobSpec => {
  const { function: code, shared, options } = request
  return {
    job,
    name: code.name,
    operation: request.operation,
    runner: code.runner,
    ...(code.bundle && { bundle: keep(bundleCodec.encode(code.bundle, version)) }),
    entry: code.entry,
    function: code.function,
    ...(code.init && { init: code.init }),
    ...(shared && { shared: { blob: keep(shared.content), kind: shared.kind } }),
    spread: request.spread ?? false,
    ...(code.mapper && { mapper: code.mapper }),
    ...(options.timeoutSeconds !== undefined && { timeoutSeconds: options.timeoutSeconds }),
    ...(code.command && { command: code.command }),
    ...(options.concurrency !== undefined && { concurrency: options.concurrency }),
    ...(request.output.takesRecords && request.operation === 'map' && { takesRecords: true }),
  }
}

/** The same for jobs that run the same code on their items. */
export const codeOf = ({ operation, runner, bundle, entry, function: name, mapper, command }: JobSpec): string =>
  JSON.stringify([operation, runner, bundle?.sha256, entry, name, mapper, command])
