import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import test from 'ava'
import { cgroupQuotas, defaultSlots } from '../../agent/slots.js'

const tree = (files: Readonly<Record<string, string>>): string => {
  const root = mkdtempSync(join(tmpdir(), 'manyhands-cgroup-'))
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), content)
  }
  return root
}

test('a version 2 quota counts wherever it stands above the process', t => {
  const root = tree({ 'a/cpu.max': '150000 100000\n', 'a/b/cpu.max': 'max 100000\n' })
  t.deepEqual(cgroupQuotas('0::/a/b\n', root), [1.5])
})

test('a version 1 quota is read from the cpu controller', t => {
  const root = tree({
    'cpu,cpuacct/box/cpu.cfs_quota_us': '400000\n',
    'cpu,cpuacct/box/cpu.cfs_period_us': '100000\n',
    'cpu,cpuacct/cpu.cfs_quota_us': '-1\n',
  })
  t.deepEqual(cgroupQuotas('4:memory:/box\n3:cpu,cpuacct:/box\n', root), [4])
})

test('no cgroups, no quotas', t => {
  t.deepEqual(cgroupQuotas(undefined), [])
  t.deepEqual(cgroupQuotas('0::/nowhere\n', tree({})), [])
})

test('there is at least one slot, and no more than there are cores', t => {
  const { slots, visible, allowed } = defaultSlots()
  t.true(slots >= 1 && slots <= cpus().length)
  t.is(visible, cpus().length)
  t.true(allowed > 0)
})
