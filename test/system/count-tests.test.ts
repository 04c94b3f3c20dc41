import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'

function count(
  t: { teardown(end: () => void): void },
  text: string,
  code: number,
): { line: string; status: number | null } {
  const folder = mkdtempSync(join(tmpdir(), 'manyhands-count-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const log = join(folder, 'log')
  writeFileSync(log, text)
  const { stdout, status } = spawnSync(process.execPath, ['scripts/count-tests.mjs', log, String(code)], {
    encoding: 'utf8',
  })
  return { line: stdout, status }
}

const PASSING = `
> manyhands@0.1.0 test
> node scripts/build.mjs && ava

  ✔ a › fine
    ℹ ✔ a note
  - [skip] a › skipped
  ✔ b › slow (1.2s)
  ─

  2 tests passed
  1 test skipped
`

test('tests that passed are counted, and the code is 0', t => {
  t.deepEqual(count(t, PASSING, 0), { line: '2 passed, 0 failed\n', status: 0 })
  t.deepEqual(count(t, PASSING.replaceAll('\n', '\r\n'), 0), { line: '2 passed, 0 failed\n', status: 0 })
})

test('failed tests are counted once, not again where they are told in full', t => {
  const text =
    '\n  ✔ a › fine\n  ✘ [fail]: a › bad\n  ✘ [fail]: b › worse\n  ─\n\n  a › bad\n\n  ✔ quoted\n  ✘ quoted\n\n  ─\n\n  2 tests failed\n'
  t.deepEqual(count(t, text, 1), { line: '1 passed, 2 failed\n', status: 1 })
})

test('files that crashed, hung or held no tests count as failed', t => {
  const crashed =
    '  ✔ a › fine\n  ✘ d/b.test.js exited with a non-zero exit code: 1\n  ✘ No tests found in d/c.test.js\n  ─\n\n  1 test passed\n  1 uncaught exception\n'
  t.deepEqual(count(t, crashed, 1), { line: '1 passed, 2 failed\n', status: 1 })
  const exceptions =
    '  ✔ a › fine\n  Uncaught exception in d/b.test.js\n  ─\n\n  1 test passed\n  3 uncaught exceptions\n'
  t.deepEqual(count(t, exceptions, 1), { line: '1 passed, 3 failed\n', status: 1 })
})

test('no tests, a broken build and an unexplained end are failures', t => {
  t.deepEqual(count(t, '', 0), { line: '0 passed, 1 failed\n', status: 1 })
  t.deepEqual(count(t, "coordinator/a.ts(1,1): error TS2304: Cannot find name 'x'.\n", 2), {
    line: '0 passed, 1 failed\n',
    status: 1,
  })
  t.deepEqual(count(t, PASSING, 1), { line: '2 passed, 1 failed\n', status: 1 })
})
