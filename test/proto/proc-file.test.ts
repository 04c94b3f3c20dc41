import { closeSync, fstatSync, mkdtempSync, openSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { procFile } from '../../proto/proc-file.js'

const numberIn = (text: string): number | undefined => (/^\d+\n$/.test(text) ? Number(text) : undefined)

const folderFor = (t: ExecutionContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'manyhands-proc-file-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  return folder
}

/** A file with a number, a look at it, and the descriptor that the look has opened: the lowest that was free. */
const looked = (t: ExecutionContext) => {
  const folder = folderFor(t)
  const path = join(folder, 'number')
  writeFileSync(path, '1\n')
  const look = procFile(path, numberIn)
  const descriptor = openSync(path, 'r')
  closeSync(descriptor)
  t.is(look(), 1)
  t.is(fstatSync(descriptor).ino, statSync(path).ino)
  return { folder, path, look, descriptor }
}

test.serial('what stands in the file now is told, from its begin, through one descriptor', t => {
  const { path, look } = looked(t)
  writeFileSync(path, '23\n')
  t.is(look(), 23)
  t.is(look(), 23)
  rmSync(path)
  t.is(look(), 23, 'it is not opened anew')
})

test.serial(
  'after the user has closed the descriptor one look tells nothing, and the next one opens the file again',
  t => {
    const { look, descriptor } = looked(t)
    closeSync(descriptor)
    t.is(look(), undefined)
    t.is(look(), 1)
  },
)

test.serial('what the user has opened in its place is neither believed nor closed', t => {
  const { folder, look, descriptor } = looked(t)
  closeSync(descriptor)
  const other = join(folder, 'other')
  writeFileSync(other, 'a text of the user\n')
  t.is(openSync(other, 'r'), descriptor)
  t.is(look(), undefined)
  t.is(look(), 1)
  t.is(fstatSync(descriptor).size, 19)
})

test.serial('a file that is not there is nothing, until it is', t => {
  const path = join(folderFor(t), 'later')
  const look = procFile(path, numberIn)
  t.is(look(), undefined)
  writeFileSync(path, '4\n')
  t.is(look(), 4)
})

test.serial('a text that is none of that file is nothing, and so is one that cannot be taken apart', t => {
  const { path } = looked(t)
  t.is(procFile(path, () => undefined)(), undefined)
  const broken = procFile(path, () => {
    throw new Error('no such text')
  })
  t.is(broken(), undefined)
})
