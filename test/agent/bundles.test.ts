import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import { BundleCache, type BundleCacheOptions } from '../../agent/bundles.js'
import { BundleRefusedError } from '../../agent/cache-entry.js'
import type { BundleFile } from '../../proto/bundle.js'

function folderOf(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'manyhands-cache-test-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function cacheOf(t: ExecutionContext, options: BundleCacheOptions = {}): { cache: BundleCache; folder: string } {
  const folder = options.folder ?? folderOf(t)
  const cache = new BundleCache({ ...options, folder })
  t.teardown(() => cache.close())
  return { cache, folder }
}

const bytes = (text: string) => new TextEncoder().encode(text)
const file = (path: string, text = 'x'): BundleFile => ({ path, content: bytes(text) })
const sha = (text: string) => createHash('sha256').update(text).digest('hex')
const entries = (folder: string) => readdirSync(join(folder, 'entries')).sort()
/** Fills a data file with a text. */
const filling = (text: string) => async (file: FileHandle) => {
  await file.write(bytes(text))
}
const never = () => Promise.reject(new Error('loaded again'))

test('a bundle is unpacked once and found again, by this process and the next', async t => {
  const { cache, folder } = cacheOf(t)
  const hash = sha('bundle')
  const files = [file('main.mjs', 'export default 1'), file('pack/__init__.py', ''), file('pack/deep/a.py', 'a')]
  const [first, second] = await Promise.all([cache.unpack(hash, async () => files), cache.unpack(hash, never)])
  t.is(first.path, second.path)
  t.is(readFileSync(join(first.path, 'main.mjs'), 'utf8'), 'export default 1')
  t.is(readFileSync(join(first.path, 'pack/deep/a.py'), 'utf8'), 'a')
  t.is(lstatSync(join(first.path, 'main.mjs')).mode & 0o777, 0o600)
  const next = cacheOf(t, { folder }).cache
  t.is((await next.unpack(hash, never)).path, first.path)
  t.deepEqual(readdirSync(join(folder, 'partial')), [])
})

test('an entry that lingers is there at once, unless somebody removed it meanwhile', async t => {
  const { cache, folder } = cacheOf(t, { lingerSeconds: 60 })
  const hash = sha('bundle')
  const first = await cache.unpack(hash, async () => [file('main.mjs', '1')])
  await first.release()
  // Damage that is looked for before the first use alone: nothing was looked at again.
  writeFileSync(join(first.path, 'main.mjs'), 'damaged')
  const second = await cache.unpack(hash, never)
  t.is(readFileSync(join(second.path, 'main.mjs'), 'utf8'), 'damaged')
  await second.release()
  rmSync(folder, { recursive: true })
  const third = await cache.unpack(hash, async () => [file('main.mjs', '3')])
  t.is(readFileSync(join(third.path, 'main.mjs'), 'utf8'), '3')
})

test('an entry that lingers makes room for others when its time is over', async t => {
  const { cache, folder } = cacheOf(t, { lingerSeconds: 0.05 })
  const { release } = await cache.unpack(sha('first'), async () => [file('main.mjs')])
  await release()
  await new Promise(resolve => setTimeout(resolve, 200))
  const other = new BundleCache({ folder, limitBytes: 1 })
  t.teardown(() => other.close())
  await other.unpack(sha('second'), async () => [file('main.mjs', 'y')])
  t.deepEqual(entries(folder), [`bundle-${sha('second')}`])
})

test('a cache folder that somebody removed is made again', async t => {
  const { cache, folder } = cacheOf(t)
  await cache.unpack(sha('first'), async () => [file('main.mjs')])
  rmSync(folder, { recursive: true })
  const { path } = await cache.unpack(sha('second'), async () => [file('main.mjs', 'again')])
  t.is(readFileSync(join(path, 'main.mjs'), 'utf8'), 'again')
})

test('data is a file of its own, checked against its hash', async t => {
  const { cache, folder } = cacheOf(t)
  const hold = await cache.file(sha('shared'), filling('shared'))
  t.is(readFileSync(hold.path, 'utf8'), 'shared')
  await t.throwsAsync(cache.file(sha('other'), filling('forged')), { instanceOf: BundleRefusedError })
  t.is(entries(folder).length, 1)
  // What came damaged once is asked for a second time.
  let tries = 0
  const mended = await cache.file(sha('mended'), file => filling(tries++ === 0 ? 'damaged, longer' : 'mended')(file))
  t.is(readFileSync(mended.path, 'utf8'), 'mended')
  const again = await cache.file(sha('other'), filling('other'))
  t.is(readFileSync(again.path, 'utf8'), 'other')
})

const HOSTILE: readonly string[] = [
  ...[
    '',
    '/',
    '/etc/passwd',
    '//etc/passwd',
    '..',
    '../a',
    '../../../../tmp/a',
    'a/..',
    'a/../b',
    'a/../../b',
    '.',
    './a',
    'a/.',
  ],
  ...[
    'a//b',
    'a/',
    '/a/',
    'a/./b',
    '...',
    'a/...',
    '..\\a',
    'a\\..\\b',
    '\\\\host\\share\\a',
    'C:\\a',
    'C:/a',
    'c:a',
    'file:///etc/passwd',
  ],
  ...[
    'a\0',
    'a\0.py',
    '\0',
    'a\nb',
    'a\rb',
    'a\tb',
    'a\x1bb',
    'a\x7fb',
    'a\x85b',
    '\u202egpj.py',
    'a\u200bb',
    'a\u2028b',
    '\ufeffa',
    '\ud800',
  ],
  ...[
    'con',
    'NUL',
    'aux.py',
    'pack/COM1.py',
    'lpt9.txt',
    'a.',
    'a ',
    ' a',
    'pack. /a',
    'a:stream',
    'a|b',
    'a*',
    'a?',
    '<a>',
    'a"b',
  ],
  ...['a'.repeat(256), 'ü'.repeat(128), `${'a/'.repeat(500)}b`],
]

test(`hostile names are refused, all ${HOSTILE.length} of them, and nothing is written`, async t => {
  t.true(HOSTILE.length >= 40)
  const { cache, folder } = cacheOf(t)
  for (const [index, path] of HOSTILE.entries()) {
    const files = [file('main.mjs'), file(path)]
    const refused = cache.unpack(sha(`hostile ${index}`), async () => files)
    await t.throwsAsync(refused, { instanceOf: BundleRefusedError }, JSON.stringify(path))
  }
  t.deepEqual(entries(folder), [])
  t.deepEqual(readdirSync(join(folder, 'partial')), [])
  t.deepEqual(readdirSync(join(folder, 'users')), [])
})

test('odd names that every file system holds are taken', async t => {
  const { cache } = cacheOf(t)
  const odd = [
    '-rf',
    '..a',
    'a..b',
    '.hidden',
    'größe.py',
    '名前.py',
    'a b.py',
    "a'b.py",
    '$HOME',
    '%2e%2e',
    '~',
    '__proto__',
    'constructor',
    'icons.py',
  ]
  const { path } = await cache.unpack(sha('odd'), async () => odd.map(name => file(name, name)))
  for (const name of odd) t.is(readFileSync(join(path, name), 'utf8'), name)
})

test('names that are one name on some hosts, and files that are folders, are refused', async t => {
  const { cache } = cacheOf(t)
  for (const [one, two] of [
    ['a.py', 'a.py'],
    ['a.py', 'A.PY'],
    ['pack/a.py', 'Pack/A.py'],
    ['caf\u00e9.py', 'cafe\u0301.py'],
    ['a', 'a/b'],
    ['a/b', 'a'],
    ['A/b/c', 'a/B'],
  ] as const) {
    const refused = cache.unpack(sha(one + two), async () => [file(one), file(two)])
    await t.throwsAsync(refused, { instanceOf: BundleRefusedError }, `${one} ${two}`)
  }
})

test('bundles without files, with too many, and with too many bytes are refused', async t => {
  const { cache } = cacheOf(t, { bundleLimits: { files: 2, bytes: 10 } })
  const tries = [[], [file('a'), file('b'), file('c')], [file('a', '12345'), file('b', '678901')]]
  for (const [index, files] of tries.entries()) {
    await t.throwsAsync(
      cache.unpack(sha(`${index}`), async () => files),
      { instanceOf: BundleRefusedError },
    )
  }
  await t.notThrowsAsync(cache.unpack(sha('fits'), async () => [file('a', '12345'), file('b', '67890')]))
})

test('a name that is no hash never becomes a path', async t => {
  const { cache } = cacheOf(t)
  for (const name of ['', '..', '../../etc', 'A'.repeat(64), 'a'.repeat(63), `${'a'.repeat(64)}/..`]) {
    t.throws(() => cache.unpack(name, never), { instanceOf: BundleRefusedError })
    t.throws(() => cache.file(name, never), { instanceOf: BundleRefusedError })
  }
})

test('a damaged entry is noticed and made again', async t => {
  const folder = folderOf(t)
  const hash = sha('damaged')
  const place = join(folder, 'entries', `bundle-${hash}`)
  const damages: readonly (() => void)[] = [
    () => truncateSync(join(place, 'content/a.py'), 1),
    () => writeFileSync(join(place, 'content/a.py'), 'XbX'),
    () => rmSync(join(place, 'content/a.py')),
    () => rmSync(join(place, 'manifest.json')),
    () => writeFileSync(join(place, 'manifest.json'), '{"files":[]}'),
    () => writeFileSync(join(place, 'manifest.json'), 'null'),
    () => rmSync(join(place, 'content'), { recursive: true }),
    () => {
      rmSync(place, { recursive: true })
      writeFileSync(place, 'a file in the way')
    },
  ]
  for (const damage of [() => undefined, ...damages]) {
    const cache = new BundleCache({ folder })
    damage()
    const { path } = await cache.unpack(hash, async () => [file('a.py', 'abc'), file('b.py', 'def')])
    t.is(readFileSync(join(path, 'a.py'), 'utf8'), 'abc', String(damage))
    await cache.close()
  }
})

test('the least recently used entries go first, and none that is held', async t => {
  let wallMilliseconds = Date.now()
  const { cache, folder } = cacheOf(t, { limitBytes: 250, wallMilliseconds: () => (wallMilliseconds += 1000) })
  const put = (name: string) => cache.file(sha(name.repeat(100)), filling(name.repeat(100)))
  const names = () =>
    'abcde'
      .split('')
      .filter(name => entries(folder).includes(`data-${sha(name.repeat(100))}`))
      .join('')
  const a = await put('a')
  const b = await put('b')
  await a.release()
  await b.release()
  await (await put('a')).release()
  t.is(names(), 'ab')
  const c = await put('c')
  t.is(names(), 'ac')
  const d = await put('d')
  t.is(names(), 'cd')
  const e = await put('e')
  t.is(names(), 'cde')
  await d.release()
  await d.release()
  t.is(await cache.file(sha('c'.repeat(100)), never).then(({ path }) => path), c.path)
  await c.release()
  await (await put('a')).release()
  t.is(names(), 'ace')
  t.true(existsSync(c.path) && existsSync(e.path))
})

test('what another process holds stays, and what a killed one held may go', async t => {
  const folder = folderOf(t)
  const other = new BundleCache({ folder, limitBytes: 1 })
  t.teardown(() => other.close())
  const held = await other.file(sha('held'), filling('held'))
  const killed = sha('killed')
  const { cache } = cacheOf(t, { folder, limitBytes: 1 })
  await (await cache.file(killed, filling('killed'))).release()
  const { stdout } = await promisify(execFile)('sh', ['-c', 'echo $$'])
  const [mark] = readdirSync(join(folder, 'users'))
  const host = mark?.slice(mark.indexOf('@'))
  writeFileSync(join(folder, 'users', `data-${killed}.${stdout.trim()}-0${host}`), '')
  writeFileSync(join(folder, 'users', `data-${sha('held')}.${stdout.trim()}-0${host}`), '')
  const last = await cache.file(sha('last'), filling('last'))
  t.deepEqual(entries(folder), [`data-${sha('held')}`, `data-${sha('last')}`].sort())
  t.true(existsSync(held.path) && existsSync(last.path))
  t.false(readdirSync(join(folder, 'users')).some(name => name.includes(killed)))
})

const RACER = `
const { BundleCache } = await import(process.argv[1])
const folder = process.argv[2]
const { createHash } = await import('node:crypto')
const { readFileSync } = await import('node:fs')
const cache = new BundleCache({ folder, limitBytes: 600 })
for (let round = 0; round < 60; round++) {
  const name = String(round % 7)
  const sha = createHash('sha256').update(name).digest('hex')
  const files = ['a.py', 'b/c.py', 'd.py'].map(path => ({ path, content: new TextEncoder().encode(name.repeat(50)) }))
  const hold = await cache.unpack(sha, async () => files)
  for (const { path } of files) if (readFileSync(hold.path + '/' + path, 'utf8') !== name.repeat(50)) throw new Error('torn')
  await hold.release()
}
await cache.close()
`

test('processes that share a small cache never see half an entry nor lose one that they hold', async t => {
  const folder = folderOf(t)
  const module = new URL('../../agent/bundles.js', import.meta.url).href
  const race = () => promisify(execFile)(process.execPath, ['--input-type=module', '-e', RACER, module, folder])
  await t.notThrowsAsync(Promise.all([race(), race(), race(), race()]))
  t.deepEqual(readdirSync(join(folder, 'partial')), [])
  t.deepEqual(readdirSync(join(folder, 'users')), [])
  t.deepEqual(readdirSync(join(folder, 'removers')), [])
})

test('a load that fails leaves nothing behind and may be tried again', async t => {
  const { cache, folder } = cacheOf(t)
  const hash = sha('late')
  await t.throwsAsync(cache.unpack(hash, never), { message: 'loaded again' })
  t.deepEqual([entries(folder), readdirSync(join(folder, 'users'))], [[], []])
  await t.notThrowsAsync(cache.unpack(hash, async () => [file('a')]))
})

test('a load that another job has given up is begun anew by whoever still needs it', async t => {
  const { cache } = cacheOf(t)
  let begin: () => void = () => {}
  const begun = new Promise<void>(resolve => {
    begin = resolve
  })
  const first = cache.unpack(sha('bundle'), async () => {
    begin()
    await new Promise(resolve => setTimeout(resolve, 20))
    throw new Error('its job has ended')
  })
  await begun
  const second = cache.unpack(sha('bundle'), async () => [file('main.mjs', '2')])
  await t.throwsAsync(first, { message: /has ended/ })
  t.is(readFileSync(join((await second).path, 'main.mjs'), 'utf8'), '2')
})

test('closing is idempotent, allowed before any use, and ends all holds', async t => {
  const folder = folderOf(t)
  const unused = new BundleCache({ folder: join(folder, 'unused') })
  await unused.close()
  t.false(existsSync(join(folder, 'unused')))
  const cache = new BundleCache({ folder })
  const hold = await cache.unpack(sha('a'), async () => [file('a')])
  await cache.close()
  await cache.close()
  await hold.release()
  t.deepEqual(readdirSync(join(folder, 'users')), [])
  await t.throwsAsync(cache.unpack(sha('a'), never), { message: 'the cache is closed' })
})
