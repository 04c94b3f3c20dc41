// Which of a daemon's jobs and agents are meant, as people say it: `12`, `3,5-8`, `last`, `all`, an id or the beginning of one, a
// name. Pure. In: a selector, what there is. Out: what it names, each once, in the order in which it names them. Always true: each
// word of a selector names something; what names nothing, or one thing and could mean another, is a fault that says what there is.
import type { AgentView, JobView } from '../../serve/desk.js'
import { Fault } from '../fault.js'

const MOST_LISTED = 10

const listed = (what: readonly string[], all: string): string => {
  const more = what.length > MOST_LISTED ? `, and ${what.length - MOST_LISTED} more (${all})` : ''
  return `${what.slice(0, MOST_LISTED).join(', ')}${more}`
}

const textOfJob = ({ number, name, state }: JobView): string => `${number} (${name}, ${state})`

/** The newest first: of many that is what is looked for. */
const thereAre = (jobs: readonly JobView[]): string =>
  jobs.length === 0
    ? 'The daemon has no job.'
    : `There are: ${listed([...jobs].reverse().map(textOfJob), 'manyhands jobs')}.`

const unknown = (what: string, jobs: readonly JobView[]): Fault => new Fault('MH-JOB-UNKNOWN', what, thereAre(jobs))

const several = (what: string, found: readonly JobView[]): Fault =>
  new Fault('MH-JOB-UNKNOWN', `${what}: ${listed(found.map(textOfJob), 'manyhands jobs')}`, 'Name one by its number.')

const RANGE = /^(\d+)-(\d+)$/

/** By what a job has for itself alone: an id is meant first, whatever it looks like. */
const byName = (word: string, jobs: readonly JobView[]): readonly JobView[] => {
  const named = jobs.filter(({ name }) => name === word)
  if (named.length > 1) throw several(`more than one job is called ${word}`, named)
  if (named.length === 1) return named
  const begin = jobs.filter(({ id }) => id.startsWith(word))
  if (begin.length > 1) throw several(`${word} is the beginning of more than one job's id`, begin)
  return begin
}

const byNumber = (word: string, jobs: readonly JobView[]): readonly JobView[] => {
  const [, first, last] = RANGE.exec(word) ?? [undefined, word, word]
  const [from, to] = [Number(first), Number(last)]
  // Those in between that are forgotten are left out.
  return jobs.filter(({ number }) => number >= from && number <= to)
}

const byWord = (word: string, jobs: readonly JobView[]): readonly JobView[] => {
  const exact = jobs.filter(({ id }) => id === word)
  if (exact.length > 0) return exact
  if (word === 'all') return jobs
  if (word === 'last') return jobs.slice(-1)
  const numbered = /^\d+$/.test(word) || RANGE.test(word) ? byNumber(word, jobs) : []
  return numbered.length > 0 ? numbered : byName(word, jobs)
}

/** `jobs`: all that the daemon has, in any order. */
export const selectJobs = (selector: string, jobs: readonly JobView[]): readonly JobView[] => {
  const ascending = [...jobs].sort((a, b) => a.number - b.number)
  // A name may have a comma in it.
  const whole = ascending.filter(({ id, name }) => id === selector || name === selector)
  if (whole.length === 1) return whole
  const found = new Set<JobView>()
  for (const word of selector.split(',').map(part => part.trim())) {
    if (word === '') throw unknown(`${JSON.stringify(selector)} names a job by nothing`, ascending)
    const some = byWord(word, ascending)
    if (some.length === 0 && word === 'all') continue
    if (some.length === 0) throw unknown(word === 'last' ? 'there is no job' : `there is no job ${word}`, ascending)
    for (const job of some) found.add(job)
  }
  return [...found]
}

/** Where only one will do. */
export const selectOneJob = (selector: string, jobs: readonly JobView[]): JobView => {
  const found = selectJobs(selector, jobs)
  const [only] = found
  if (only === undefined) throw unknown('there is no job', jobs)
  if (found.length > 1) throw several(`${selector} names ${found.length} jobs, and one is wanted`, found)
  return only
}

export const selectAgent = (selector: string, agents: readonly AgentView[]): AgentView => {
  const exact = agents.filter(({ name }) => name === selector)
  const found = exact.length > 0 ? exact : agents.filter(({ name }) => name.startsWith(selector))
  const [only] = found
  if (only !== undefined && found.length === 1) return only
  const names = (some: readonly AgentView[]): string =>
    listed(
      some.map(({ name }) => name),
      'manyhands agents',
    )
  if (found.length > 1)
    throw new Fault('MH-AGENT-UNKNOWN', `${selector} is the beginning of more than one agent's name: ${names(found)}`)
  const there = agents.length === 0 ? 'No agent has joined.' : `There are: ${names(agents)}.`
  throw new Fault('MH-AGENT-UNKNOWN', `there is no agent ${selector}`, there)
}
