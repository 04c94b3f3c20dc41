// A container often runs with a number that no user of its system has: such a process has no name and no home.
import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { ended, MAIN } from '../support/command.js'

const NOBODY = 54_321

test('a user whom the system does not know runs jobs as any other', async t => {
  if (process.getuid?.() !== 0) throw new Error('to become another user needs root: run this test as root')
  const folder = mkdtempSync(join(tmpdir(), 'manyhands-nobody-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  chmodSync(folder, 0o777)
  const env = { PATH: process.env.PATH, TMPDIR: folder, NODE_V8_COVERAGE: '' }
  const argv = [MAIN, 'map', '--range', '1..4', '--', 'echo', 'item {}']
  const { code, stdout, stderr } = await ended(
    spawn(process.execPath, argv, { cwd: '/', uid: NOBODY, gid: NOBODY, env, stdio: ['ignore', 'pipe', 'pipe'] }),
  )
  t.is(code, 0, stderr)
  t.is(stdout, '"item 1"\n"item 2"\n"item 3"\n')
})
