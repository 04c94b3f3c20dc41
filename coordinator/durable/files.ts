// Files that are there after a power cut, whole or not at all. In: paths, contents. Out: the same on the disk. Always true: a
// replaced file is the one before or the one after; one that is not there is `undefined`, any other trouble an error.
import { open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Makes what was written under a name of the folder durable, where folders can be synced. */
export const syncFolder = async (path: string): Promise<void> => {
  const folder = await open(path, 'r').catch(() => undefined)
  await folder?.sync().catch(() => undefined)
  await folder?.close()
}

export const writeDurably = async (path: string, content: string | Uint8Array): Promise<void> => {
  const file = await open(path, 'w', 0o600)
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
}

export const replaceDurably = async (path: string, content: string | Uint8Array): Promise<void> => {
  await writeDurably(`${path}.new`, content)
  await rename(`${path}.new`, path)
  await syncFolder(dirname(path))
}

export const readIfThere = async (path: string): Promise<Buffer | undefined> =>
  readFile(path).catch(error => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  })

export const toJson = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`
