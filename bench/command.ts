// A run of our command, from spawn to exit. In: its arguments. Out: its seconds and its receipt, and what it wrote is right.
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Receipt } from '../coordinator/receipt.js'
import type { Bench, Case } from './group.js'
import { wholeProcess } from './process.js'
import { accountOf } from './receipts.js'
import { MANYHANDS, NODE } from './root.js'

/** `check` comes after the clock has stopped; `rest` is what follows the options. */
export const ourCommand = (
  { rig }: Bench,
  id: string,
  args: readonly string[],
  check: () => Promise<void> = async () => {},
  rest: readonly string[] = [],
): Case => ({
  id,
  run: async () => {
    const path = join(rig.folder, `${id.replace(/\W/g, '-')}.receipt.json`)
    const seconds = await wholeProcess([NODE, MANYHANDS, ...args, '--quiet', '--receipt', path, ...rest])
    await check()
    const receipt = JSON.parse(await readFile(path, 'utf8')) as Receipt
    return { seconds, receipts: [accountOf(receipt)] }
  },
})

export const wholeCase = (id: string, command: readonly string[]): Case => ({
  id,
  run: async () => ({ seconds: await wholeProcess(command) }),
})

/** As many doubles as items, and the last one right. */
export const checkDoubles = async (path: string, count: number, last: number): Promise<void> => {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    const { buffer } = await file.read(Buffer.alloc(8), 0, 8, size - 8)
    const got = buffer.readDoubleLE(0)
    if (size !== 8 * count || got !== last)
      throw new Error(`${path} has ${size} bytes and ends with ${got}: expected ${8 * count}, ${last}`)
  } finally {
    await file.close()
  }
}
