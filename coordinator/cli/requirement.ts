// What a job is held to: `speedup>=4`, `efficiency>=80%,time<=30s`, `failed<=0`. Pure. In: a text; the figures of a receipt or
// of a prediction. Out: what is not met, each in a sentence. Always true: what is not understood is an error that names what
// there is; a figure that is not known fails no requirement.
import type { Prediction } from '../predict.js'
import type { Receipt } from '../receipt.js'
import { formatFigure, formatSeconds, formatShare } from './figures.js'
import { parseNatural, parseSeconds, parseTolerance } from './values.js'

type Measure = 'speedup' | 'efficiency' | 'time' | 'failed'

export interface Requirement {
  /** As it was written. */
  readonly text: string
  readonly measure: Measure
  readonly comparison: '>=' | '<=' | '>' | '<'
  readonly value: number
}

/** The figures that a job, or a prediction of one, has of them. */
export type Figures = Partial<Readonly<Record<Measure, number>>>

const ratio = (text: string): number => {
  if (text.endsWith('%')) {
    const tolerance = parseTolerance(text)
    if ('fraction' in tolerance) return tolerance.fraction
  }
  if (!/^\d+(\.\d+)?$|^\.\d+$/.test(text)) throw new RangeError('a number')
  return Number(text)
}

const MEASURES: Readonly<Record<Measure, { read: (text: string) => number; show: (value: number) => string }>> = {
  speedup: { read: text => ratio(text.replace(/x$/, '')), show: value => `${formatFigure(value)}x` },
  efficiency: { read: ratio, show: formatShare },
  time: { read: parseSeconds, show: formatSeconds },
  failed: { read: parseNatural, show: String },
}

const EXPECTED =
  'one or more of speedup, efficiency, time and failed with >=, <=, > or < and a value, separated by commas: ' +
  "'speedup>=4,efficiency>=80%,time<=30s,failed<=0'"

const parseOne = (text: string): Requirement => {
  const found = /^([a-z]+)\s*(>=|<=|>|<)\s*(\S+)$/.exec(text)
  const measure = found?.[1] as Measure | undefined
  if (!found || measure === undefined || !Object.hasOwn(MEASURES, measure)) throw new RangeError(EXPECTED)
  try {
    const value = MEASURES[measure].read(found[3] as string)
    return { text, measure, comparison: found[2] as Requirement['comparison'], value }
  } catch {
    throw new RangeError(EXPECTED)
  }
}

export const parseRequirements = (text: string): Requirement[] => text.split(',').map(part => parseOne(part.trim()))

const holds = (got: number, { comparison, value }: Requirement): boolean => {
  switch (comparison) {
    case '>=':
      return got >= value
    case '<=':
      return got <= value
    case '>':
      return got > value
    case '<':
      return got < value
  }
}

export const figuresOfReceipt = (receipt: Receipt, failed: number): Figures => ({
  speedup: receipt.speedup,
  efficiency: receipt.efficiency,
  time: receipt.wall_seconds,
  failed,
})

export const figuresOfPrediction = ({ speedup, efficiency, seconds }: Prediction): Figures => ({
  speedup,
  efficiency,
  time: seconds,
})

/** What does not hold, each as `speedup is 1.8x, required is speedup>=4`. */
export const unmet = (requirements: readonly Requirement[], figures: Figures): string[] =>
  requirements.flatMap(requirement => {
    const got = figures[requirement.measure]
    if (got === undefined || holds(got, requirement)) return []
    return [`${requirement.measure} is ${MEASURES[requirement.measure].show(got)}, required is ${requirement.text}`]
  })
