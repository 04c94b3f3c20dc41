import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { openCacheFolder } from '../../agent/cache-folder.js'

function folderOf(t: ExecutionContext): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'manyhands-folder-test-')))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

test("the user's cache folder is taken, and nobody else may write to it", async t => {
  const home = folderOf(t)
  t.is(await openCacheFolder({ home, environment: {} }), join(home, '.cache/manyhands'))
  t.is(statSync(join(home, '.cache/manyhands')).mode & 0o777, 0o700)
  const environment = { XDG_CACHE_HOME: join(home, 'xdg') }
  t.is(await openCacheFolder({ home, environment }), join(home, 'xdg/manyhands'))
  t.is(await openCacheFolder({ home, environment: { XDG_CACHE_HOME: 'relative' } }), join(home, '.cache/manyhands'))
})

test('a home that cannot be written to leads to the temporary folder', async t => {
  const temporary = folderOf(t)
  writeFileSync(join(temporary, 'home'), 'a file, so that nothing can be made below it')
  const folder = await openCacheFolder({ home: join(temporary, 'home'), environment: {}, temporary })
  t.regex(folder, /\/manyhands-\d+$/)
  t.true(folder.startsWith(temporary))
})

test('a folder that others can write to, a link and a file in the place are passed over', async t => {
  const temporary = folderOf(t)
  const options = { home: '/dev/null', environment: {}, temporary }
  const usual = await openCacheFolder(options)
  const spoil: readonly (() => void)[] = [
    () => {
      mkdirSync(usual)
      chmodSync(usual, 0o777)
    },
    () => symlinkSync(tmpdir(), usual),
    () => writeFileSync(usual, ''),
  ]
  for (const each of spoil) {
    rmSync(usual, { recursive: true, force: true })
    each()
    const folder = await openCacheFolder(options)
    t.not(folder, usual)
    t.is(statSync(folder).mode & 0o777, 0o700)
  }
})

test('the folder that was asked for is taken, or it is an error that says why', async t => {
  const folder = folderOf(t)
  t.is(await openCacheFolder({ folder: join(folder, 'a/b') }), join(folder, 'a/b'))
  writeFileSync(join(folder, 'file'), '')
  await t.throwsAsync(openCacheFolder({ folder: join(folder, 'file') }), { message: /cannot be used: .*EEXIST/ })
  chmodSync(join(folder, 'a/b'), 0o777)
  await t.throwsAsync(openCacheFolder({ folder: join(folder, 'a/b') }), { message: /others may write to it/ })
})
