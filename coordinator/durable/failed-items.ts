// Which items of a job have failed: a list beside its checkpoint, which says how many of them count. In: indices, as they
// come. Out: those of a checkpoint. Always true: what was noted after a checkpoint is written over by what comes after it.
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { readIfThere, replaceDurably } from './files.js'

/** An index, as a double (little-endian). */
const ITEM_BYTES = 8

const bytesOf = (items: readonly number[]): Buffer => {
  const bytes = Buffer.allocUnsafe(items.length * ITEM_BYTES)
  for (const [nth, item] of items.entries()) bytes.writeDoubleLE(item, nth * ITEM_BYTES)
  return bytes
}

/** Notes further ones behind the first `before`. */
export const noteFailed = async (path: string, before: number, items: readonly number[]): Promise<void> => {
  const file = await open(path, constants.O_CREAT | constants.O_WRONLY, 0o600)
  try {
    await file.write(bytesOf(items), 0, items.length * ITEM_BYTES, before * ITEM_BYTES)
    await file.datasync()
  } finally {
    await file.close()
  }
}

export const replaceFailed = (path: string, items: readonly number[]): Promise<void> =>
  replaceDurably(path, bytesOf(items))

/** The first `count` of the list, or as many as there are, ascending. */
export const readFailed = async (path: string, count: number): Promise<Float64Array> => {
  const content = (await readIfThere(path)) ?? Buffer.alloc(0)
  const items = new Float64Array(Math.min(count, Math.floor(content.length / ITEM_BYTES)))
  for (let nth = 0; nth < items.length; nth++) items[nth] = content.readDoubleLE(nth * ITEM_BYTES)
  return items.sort()
}
