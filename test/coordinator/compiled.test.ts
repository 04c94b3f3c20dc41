// What the command keeps of its compiled code, and what it makes of what it finds there.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { ended, manyhands } from '../support/command.js'

const cacheOf = (t: { teardown(end: () => void): void }): string => {
  const folder = mkdtempSync(join(tmpdir(), 'manyhands-compiled-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const answer = async (cache: string, env: NodeJS.ProcessEnv = {}): Promise<string> => {
  // A process whose coverage is measured runs the files as they are, and Node passes that on to where nothing else is said.
  const own = { NODE_V8_COVERAGE: '', XDG_CACHE_HOME: cache, ...env }
  const { code, stdout, stderr } = await ended(manyhands(['--version'], { env: { ...process.env, ...own } }))
  if (code !== 0 || stderr !== '') throw new Error(`exit code ${code}: ${stderr}`)
  return stdout
}

const keptIn = (cache: string): string[] => {
  const folder = join(cache, 'manyhands/compiled')
  return existsSync(folder) ? readdirSync(folder).map(name => join(folder, name)) : []
}

test('compiled code is kept once, for this user alone, and used again', async t => {
  const cache = cacheOf(t)
  const first = await answer(cache)
  const [kept = '', ...others] = keptIn(cache)
  t.deepEqual(others, [])
  t.is(statSync(kept).mode & 0o077, 0)
  t.is(statSync(join(kept, '..')).mode & 0o077, 0)
  const written = statSync(kept).mtimeMs
  t.is(await answer(cache), first)
  t.is(statSync(kept).mtimeMs, written)
})

test('what a disk, another build or another user made of it is not run, and made anew', async t => {
  const cache = cacheOf(t)
  const first = await answer(cache)
  const [kept = ''] = keptIn(cache)
  const good = readFileSync(kept)
  const damaged = Buffer.from(good)
  damaged[good.length - 20] = 255 - (damaged[good.length - 20] ?? 0)
  for (const found of [damaged, good.subarray(0, 1000), Buffer.alloc(0)]) {
    writeFileSync(kept, found)
    t.is(await answer(cache), first)
    t.false(readFileSync(kept).equals(found))
  }
  chmodSync(kept, 0o666)
  t.is(await answer(cache), first)
  t.is(statSync(kept).mode & 0o077, 0)
  const old = kept.replace(/[^_]*$/, 'of-an-older-build')
  const another = kept.replace(/[^_]*$/, 'of-another-installation')
  writeFileSync(old, '')
  writeFileSync(another, '')
  utimesSync(old, 1e9, 1e9)
  rmSync(kept)
  t.is(await answer(cache), first)
  t.deepEqual(keptIn(cache).sort(), [kept, another].sort())
})

test('without a place for it, or where it is not wanted, the command runs as well', async t => {
  const cache = cacheOf(t)
  const first = await answer(cache, { NODE_DISABLE_COMPILE_CACHE: '1' })
  t.deepEqual(keptIn(cache), [])
  mkdirSync(join(cache, 'manyhands'))
  writeFileSync(join(cache, 'manyhands/compiled'), 'a file where a folder should be')
  t.is(await answer(cache), first)
  t.is(await answer('/proc/nothing'), first)
  t.is(await answer(cache, { NODE_OPTIONS: '--max-old-space-size=100 --no-warnings' }), first)
})
