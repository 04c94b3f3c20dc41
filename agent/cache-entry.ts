// One entry of the cache on disk: its files below content/, and a manifest with the length and hash of each. In: files with
// names that were judged before, in memory or filled where they lie. Out: a whole entry, or the word that one is not whole.
import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, lstat, mkdir, open, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { BundleFile } from '../proto/bundle.js'

interface Manifest {
  readonly bytes: number
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly sha256: string }[]
}

const MANIFEST = 'manifest.json'
/** The folder of an entry that holds the files. */
export const CONTENT = 'content'

/** A file that is filled where it lies; what it holds then must have this hash. */
export interface FilledFile {
  readonly path: string
  readonly sha256: string
  fill(file: FileHandle): Promise<void>
}

/** What was sent is no bundle that may be unpacked, or not what its hash names. */
export class BundleRefusedError extends Error {
  override readonly name = 'BundleRefusedError'
}

/** Writes a whole entry below a folder for unfinished ones; not synced to disk, because every first use checks it. */
export async function writeEntry(partials: string, files: readonly (BundleFile | FilledFile)[]): Promise<string> {
  const partial = join(partials, `${process.pid}-${randomUUID()}`)
  try {
    const described: Manifest['files'][number][] = []
    for (const file of files) {
      const target = join(partial, CONTENT, file.path)
      await mkdir(dirname(target), { recursive: true, mode: 0o700 })
      if ('fill' in file) described.push({ path: file.path, ...(await filled(target, file)) })
      else {
        await writeFile(target, file.content, { flag: 'wx', mode: 0o600 })
        described.push({ path: file.path, bytes: file.content.byteLength, sha256: hashOf(file.content) })
      }
    }
    const manifest: Manifest = { bytes: described.reduce((sum, file) => sum + file.bytes, 0), files: described }
    await writeFile(join(partial, MANIFEST), JSON.stringify(manifest), { flag: 'wx', mode: 0o600 })
    return partial
  } catch (error) {
    await rm(partial, { recursive: true, force: true })
    throw error
  }
}

/** What came damaged is asked for once more. */
async function filled(target: string, { sha256, fill }: FilledFile): Promise<{ bytes: number; sha256: string }> {
  for (const isSecondTry of [false, true]) {
    const file = await open(target, 'w', 0o600)
    try {
      await fill(file)
    } finally {
      await file.close()
    }
    if ((await hashOfFile(target)) === sha256) return { bytes: (await stat(target)).size, sha256 }
    if (isSecondTry) break
  }
  throw new BundleRefusedError(`The data ${sha256.slice(0, 12)} is not what its hash names.`)
}

async function hashOfFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array)
  return hash.digest('hex')
}

export async function readManifest(place: string): Promise<Manifest | undefined> {
  try {
    return JSON.parse(await readFile(join(place, MANIFEST), 'utf8')) as Manifest
  } catch {
    return undefined
  }
}

/** Every file of the manifest is there, a plain file, with its bytes. Others (Python's __pycache__) are not looked at. */
export async function isWhole(place: string): Promise<boolean> {
  const manifest = await readManifest(place)
  if (!Array.isArray(manifest?.files) || manifest.files.length === 0) return false
  try {
    for (const { path, bytes, sha256 } of manifest.files) {
      const target = join(place, CONTENT, path)
      const found = await lstat(target)
      if (!found.isFile() || found.size !== bytes) return false
      if ((await hashOfFile(target)) !== sha256) return false
    }
    return true
  } catch {
    return false
  }
}

export function hashOf(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}
