// Whether an input is still what it was when its job began. In: a file's path, or a list of paths. Out: a fingerprint; of two,
// what has changed, in words. Always true: it is quick, whatever the size: of a file the two ends are read.
import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'

export type Fingerprint =
  | { readonly kind: 'file'; readonly bytes: number; readonly modified: string; readonly ends: string }
  | { readonly kind: 'paths'; readonly count: number; readonly sha256: string }

const END_BYTES = 64 * 1024

const readAt = async (file: FileHandle, position: number): Promise<Buffer> => {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(END_BYTES), 0, END_BYTES, position)
  return buffer.subarray(0, bytesRead)
}

/** Undefined for what is no file: a pipe cannot be read a second time. */
export const fingerprintOfFile = async (path: string): Promise<Fingerprint | undefined> => {
  const file = await open(path, 'r')
  try {
    const stat = await file.stat()
    if (!stat.isFile()) return undefined
    const hash = createHash('sha256').update(await readAt(file, 0))
    hash.update(await readAt(file, Math.max(0, stat.size - END_BYTES)))
    return { kind: 'file', bytes: stat.size, modified: stat.mtime.toISOString(), ends: hash.digest('hex') }
  } finally {
    await file.close()
  }
}

export const fingerprintOfPaths = (paths: readonly string[]): Fingerprint => {
  const hash = createHash('sha256')
  for (const path of paths) hash.update(`${path}\0`)
  return { kind: 'paths', count: paths.length, sha256: hash.digest('hex') }
}

/** What has changed, in words; undefined when nothing has. */
export const changeOf = (before: Fingerprint, now: Fingerprint): string | undefined => {
  if (before.kind === 'file' && now.kind === 'file') {
    if (before.bytes !== now.bytes) return `it has ${now.bytes} bytes, and had ${before.bytes}`
    if (before.ends !== now.ends) return 'its content is another one'
    if (before.modified !== now.modified) return `it was written to at ${now.modified}`
    return undefined
  }
  if (before.kind === 'paths' && now.kind === 'paths') {
    if (before.count !== now.count) return `${now.count} files match, and ${before.count} did`
    return before.sha256 === now.sha256 ? undefined : 'other files match'
  }
  return 'it is of another kind'
}
