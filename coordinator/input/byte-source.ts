// Bytes of a file or a stream, chunk by chunk, as they are asked for.
// In: a path or a stream. Out: chunks that nothing else writes to, so that items may be views of them.
// Always true: nothing is read ahead beyond the stream's own buffer; a read error says where.

import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { Readable } from 'node:stream'

export interface ByteSource {
  /** For people: the path, or "standard input". */
  readonly name: string
  /** The next chunk; `undefined` at the end. Without `wait`, an empty chunk when nothing is there yet. */
  read(wait: boolean): Promise<Uint8Array | undefined>
  close(): Promise<void>
}

// Smaller: more system calls. Larger: the first item waits longer, and more memory is held.
const CHUNK_BYTES = 1024 * 1024

/** A file, opened now so that a missing one is said at once. Pipes and devices are read as streams. */
export const openFileSource = async (path: string): Promise<ByteSource> => {
  let file: FileHandle
  try {
    file = await open(path, 'r')
  } catch (error) {
    throw readError(path, error)
  }
  const stat = await file.stat()
  if (stat.isDirectory()) {
    await file.close()
    throw new Error(`cannot read ${path}: it is a folder; --glob '${path}/*' makes items of the files in it`)
  }
  if (!stat.isFile()) {
    await file.close()
    return streamSource(createReadStream(path), path)
  }
  let closed = false
  return {
    name: path,
    async read() {
      if (closed) return undefined
      try {
        const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES)
        const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES, null)
        return bytesRead === 0 ? undefined : buffer.subarray(0, bytesRead)
      } catch (error) {
        if (closed) return undefined
        throw readError(path, error)
      }
    },
    async close() {
      if (closed) return
      closed = true
      await file.close()
    },
  }
}

export const streamSource = (stream: Readable, name: string): ByteSource => {
  let failure: Error | undefined
  let closed = false
  // Without a listener a late error, such as one after close, would end the process.
  stream.on('error', error => {
    failure ??= error
  })
  return {
    name,
    async read(wait) {
      for (;;) {
        if (closed) return undefined
        failure ??= stream.errored ?? undefined
        if (failure) throw readError(name, failure)
        const chunk: unknown = stream.read()
        if (chunk !== null) return typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Uint8Array)
        if (stream.readableEnded) return undefined
        if (stream.destroyed) throw new Error(`cannot read ${name}: it was closed before its end`)
        if (!wait) return new Uint8Array(0)
        await readable(stream)
      }
    },
    async close() {
      closed = true
      if (stream.destroyed) return
      stream.destroy()
      if (!stream.closed) await once(stream, 'close').catch(() => undefined)
    },
  }
}

/** Resolves when there may be something to read, or nothing any more. */
const readable = (stream: Readable): Promise<void> =>
  new Promise(resolve => {
    const events = ['readable', 'end', 'error', 'close'] as const
    const done = () => {
      for (const event of events) stream.off(event, done)
      resolve()
    }
    for (const event of events) stream.on(event, done)
  })

const readError = (name: string, error: unknown): Error => {
  const { code, message } = error as NodeJS.ErrnoException
  const why = code === 'ENOENT' ? 'no such file' : code === 'EACCES' || code === 'EPERM' ? 'permission denied' : message
  return new Error(`cannot read ${name}: ${why}${code ? ` (${code})` : ''}`, { cause: error })
}
