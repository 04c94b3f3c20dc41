import test from 'ava'
import { grainsOf } from '../../../coordinator/cli/grains.js'
import { programOf } from '../../support/debian.js'

test.before(async () => {
  await programOf('python3', 'python3')
})

for (const runner of ['node', 'python'] as const) {
  test.serial(
    `a task of ${runner} takes about what was wanted, longest first, and none is shorter than a call`,
    async t => {
      const grains = await grainsOf(runner, [1e-12, 3e-4, 3e-3])
      t.is(grains.length, 2)
      const [long, short] = grains.map(({ taskSeconds }) => taskSeconds)
      // Other processes make some loops longer: what is asked for is the order of magnitude.
      t.true(long !== undefined && long > 1e-3 && long < 1e-2, `${long}`)
      t.true(short !== undefined && short > 1e-4 && short < 1e-3, `${short}`)
      t.is(grains[0]?.fn.runner, runner)
    },
  )
}
