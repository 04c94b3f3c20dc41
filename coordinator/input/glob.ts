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

/** The paths that match, in the order of the items. */
export const pathsOf = async (pattern: string, cwd = process.cwd()): Promise<string[]> => {
  const options = { cwd, absolute: isAbsolute(pattern), onlyFiles: true, expandDirectories: false }
  const prefix = pattern.startsWith('./') ? './' : ''
  return (await glob(pattern, options)).map(one => prefix + one).sort()
}

export const openGlob = async (pattern: string, cwd = process.cwd()): Promise<Input> => {
  const found = await pathsOf(pattern, cwd)
  if (found.length === 0)
    throw new Error(
      `no file matches ${JSON.stringify(pattern)} in ${cwd}: quote the pattern so that the shell leaves it alone, and ` +
        'note that * matches no names that start with a dot',
    )
  const queue = new BatchQueue()
  let paths: string[] = []
  const flush = () => {
    queue.push({ items: packValues(paths).items })
    paths = []
  }
  for (const path of found) {
    // A name that is not UTF-8 is shown with replacement characters, and no file is called that.
    if (path.includes('\ufffd') && !existsSync(isAbsolute(path) ? path : join(cwd, path))) {
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
