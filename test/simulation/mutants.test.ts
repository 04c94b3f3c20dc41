import test from 'ava'
import { MUTANTS } from './mutants.js'
import { Nursery } from './nursery.js'

test('the healthy build passes what the mutants must fail', async t => {
  const nursery = await Nursery.open()
  try {
    for (const by of new Set(MUTANTS.map(({ by }) => by))) t.true(await nursery.passes(by), by)
  } finally {
    await nursery.close()
  }
})

test('every planted mistake is caught', async t => {
  t.timeout(170_000)
  const nursery = await Nursery.open()
  const survivors: string[] = []
  try {
    for (const mutant of MUTANTS)
      if (!(await nursery.plant(mutant))) survivors.push(`${mutant.mistake} (${mutant.file}, by ${mutant.by})`)
  } finally {
    await nursery.close()
  }
  t.log(`${MUTANTS.length - survivors.length} of ${MUTANTS.length} mutants caught`)
  t.deepEqual(survivors, [])
})
