// A short record that the system keeps in a file and changes all the time (Linux: /proc). In: a path, and what its text says. Out: a
// function that looks at it, in a few us. Always true: undefined where there is no such file, or not such a text; the file stays open,
// since to open it each time takes several times what reading it does; a descriptor that something else may have by now is never closed.
import { openSync, readSync } from 'node:fs'

/** Longer ones are cut. Looks never overlap: one memory is enough. */
const record = Buffer.alloc(64)

/** `said`: what a text says; undefined where it is not that file's. */
export const procFile = <T>(path: string, said: (text: string) => T | undefined): (() => T | undefined) => {
  let descriptor: number | undefined
  return () => {
    try {
      descriptor ??= openSync(path, 'r')
      const bytes = readSync(descriptor, record, 0, record.length, 0)
      const what = said(record.toString('latin1', 0, bytes))
      if (what !== undefined) return what
    } catch {}
    // The user's code may have closed it, and opened something else in its place: the next look opens it again.
    descriptor = undefined
    return undefined
  }
}
