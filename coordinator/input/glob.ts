// Paths of files that match a pattern.
// In: a pattern, and the folder that it is relative to. Out: a string an item, relative as the pattern is, in the order of
// their UTF-16 code units, so that it is the same on every machine.
// Always true: no match is an error, never an empty job; folders are no items.
import { existsSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { glob } from 'tinyglobby'
import { packValues } from '../../proto/items.js'
import { BatchQueue } from './batch-queue.js'
import type { Input } from './input.js'

export const openGlob = async (pattern: string, cwd = process.cwd()): Promise<Input> => {
  const absolute = isAbsolute(pattern)
  const found = await glob(pattern, { cwd, absolute, onlyFiles: true, expandDirectories: false })
  if (found.length === 0)
    throw new Error(
      `no file matches ${JSON.stringify(pattern)} in ${cwd}: quote the pattern so that the shell leaves it alone, and ` +
        'note that * matches no names that start with a dot',
    )
  const prefix = pattern.startsWith('./') ? './' : ''
  const queue = new BatchQueue()
  let paths: string[] = []
  const flush = () => {
    queue.push({ items: packValues(paths).items })
    paths = []
  }
  for (const path of found.map(one => prefix + one).sort()) {
    // A name that is not UTF-8 is shown with replacement characters, and no file is called that.
    if (path.includes('\ufffd') && !existsSync(absolute ? path : join(cwd, path))) {
      flush()
      queue.push({ undecodable: `the name of the file ${path} is not UTF-8: rename it` })
    } else paths.push(path)
  }
  flush()
  return {
    count: found.length,
    next: async (maxItems, maxBytes) => queue.take(maxItems, maxBytes),
    async close() {
      while (!queue.empty) queue.take(Infinity, Infinity)
    },
  }
}
