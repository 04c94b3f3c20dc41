// A desk that does what the test says, and nothing else. In: what it does. Out: a Desk. Always true: what is not said fails.
import type { Desk } from '../../coordinator/serve/desk.js'

const unasked = (): never => {
  throw new Error('nobody was to ask for this')
}

export const deskOf = (own: Partial<Desk>): Desk => ({
  submit: unasked,
  watch: unasked,
  results: unasked,
  cancel: unasked,
  resume: unasked,
  forget: unasked,
  jobs: async () => [],
  describe: unasked,
  agents: unasked,
  drain: unasked,
  setSlots: unasked,
  ...own,
})
