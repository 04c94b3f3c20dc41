// What a run of the bench says: the table of goals first, then each group. In: rows, machine, how it was run. Out: Markdown;
// and the README with the table of goals put in its place. Pure.
import { type Row, toTable } from './table.js'

export interface Section {
  readonly title: string
  readonly rows: readonly Row[]
  readonly text: string
  readonly notes: readonly string[]
}

export interface Circumstances {
  readonly machine: string
  readonly command: string
  /** Processes that wanted to run before the bench began, as the system's one-minute average says. */
  readonly load: number
  readonly repetitions: number
  readonly minutes: number
  /** Repetitions in all, done again, and taken although the machine was slow. */
  readonly gate: { readonly runs: number; readonly again: number; readonly slow: number }
  /** Groups for which no time was left for all repetitions. */
  readonly cut: readonly string[]
}

const BEGIN = '<!-- bench: the table that `npm run bench` printed -->'
const END = '<!-- bench: end -->'

/** A machine that does other things as well: its figures are rough. */
const QUIET_LOAD = 0.5

const circumstances = ({ machine, command, load, repetitions, minutes, gate, cut }: Circumstances): string[] => {
  const isLoaded = load > QUIET_LOAD || gate.slow > gate.runs / 20
  const loaded = `**The machine was busy with other things (load ${load.toFixed(2)} before the start): these figures are rough.**`
  return [
    `Machine: ${machine}.`,
    isLoaded ? loaded : `The machine was quiet (load ${load.toFixed(2)} before the start).`,
    `Made by \`${command}\` in ${minutes.toFixed(1)} minutes: ${repetitions} repetitions, all cases of a table in turns. Of ${gate.runs} runs, ${gate.again} were done again because a probe loop was slow after them, ${gate.slow} were taken although it was.`,
    ...(cut.length > 0 ? [`No time was left for all repetitions of: ${cut.join(', ')}.`] : []),
  ]
}

export const goalsOf = (sections: readonly Section[]): Row[] =>
  sections.flatMap(({ rows }) => rows.filter(({ goal }) => goal !== undefined))

const goalsBlock = (sections: readonly Section[], how: Circumstances): string => {
  const goals = goalsOf(sections)
  const met = goals.filter(({ goal }) => goal?.isMet).length
  const load = circumstances(how)[1]
  return [BEGIN, '', `${met} of ${goals.length} goals are met. ${load}`, '', toTable(goals), '', END].join('\n')
}

export const toMarkdown = (sections: readonly Section[], how: Circumstances): string => {
  const groups = sections.flatMap(({ title, rows, text, notes }) => [
    `## ${title}`,
    ...(rows.length > 0 ? [toTable(rows)] : []),
    ...(text === '' ? [] : [text]),
    ...(notes.length > 0 ? [notes.map(note => `- Left out: ${note}.`).join('\n')] : []),
  ])
  return `${['# Measured', ...circumstances(how), '## Goals', goalsBlock(sections, how), ...groups].join('\n\n')}\n`
}

/** The table of goals with its marks, as it stands in a text. */
export const blockIn = (text: string): string | undefined => {
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)]
  return begin < 0 || end < begin ? undefined : text.slice(begin, end + END.length)
}

/** `target` with the table of `results` in place of its own. */
export const withBlockOf = (target: string, results: string): string => {
  const [old, block] = [blockIn(target), blockIn(results)]
  if (old === undefined || block === undefined) throw new Error(`there is no place for the table: expected ${BEGIN}`)
  return target.replace(old, () => block)
}
