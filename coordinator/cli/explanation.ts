// A prediction as people read it: what was sampled, and one line a place. Pure. In: an explanation. Out: the text.
// Always true: a figure comes with what it was got from; a place that was asked for and is not there is named with why.
import type { Explained } from '../explain.js'
import { itemsOf, type Prediction, type Sample } from '../predict.js'
import { formatBytes, formatCount, formatFigure, formatSeconds, formatShare, plural } from './figures.js'
import type { Paint } from './verdict.js'

/** A sigma in the unit of its mean. */
const withSigma = ({ itemSeconds, sigmaSeconds }: Sample): string => {
  const mean = `${formatSeconds(itemSeconds)} an item`
  return sigmaSeconds === undefined ? mean : `${mean} (σ ${formatSeconds(sigmaSeconds)})`
}

const sampleLine = ({ sample, sampling, name }: Explained, paint: Paint, isWhole: boolean): string => {
  const all = sample.total ?? sample.items
  const of = isWhole ? plural(all, 'item') : `the first ${plural(all, 'item')}`
  const bytes = [
    ...(sample.bytesIn > 0 ? [`in ${formatBytes(sample.bytesIn)}`] : []),
    ...(sample.bytesOut > 0 ? [`out ${formatBytes(sample.bytesOut)}`] : []),
  ].join(', ')
  const parts = [
    `Sampled ${formatCount(sample.items)} of ${of} in ${formatSeconds(sampling.seconds)}`,
    withSigma(sample),
    ...(bytes === '' ? [] : [`${bytes} an item`]),
    ...(sample.loadSeconds > 0.05 ? [`${formatSeconds(sample.loadSeconds)} to load`] : []),
  ]
  return `${paint('bold', name)}  ${parts.join(' · ')}`
}

const detailOf = (prediction: Prediction, { sample, local, cluster }: Explained): string => {
  const costs = prediction.place === 'cluster' ? cluster : local
  switch (prediction.limit) {
    case 'network': {
      const bytes = itemsOf(sample) * (sample.bytesIn + sample.bytesOut)
      const rate = formatFigure(((cluster?.bytesPerSecond ?? 0) * 8) / 1e6)
      return `network: ${formatBytes(bytes)} at ${rate} Mbit/s measured`
    }
    case 'handing over': {
      const each = (costs?.itemSeconds ?? 0) + sample.textBytes * (costs?.byteSeconds ?? 0)
      return `handing over: ${formatSeconds(each)} an item, ${formatSeconds(costs?.shardSeconds ?? 0)} a shard`
    }
    case 'start-up':
      return `start-up: ${formatSeconds((costs?.startSeconds ?? 0) + sample.loadSeconds + sample.warmUpSeconds)}`
    case 'the longest item':
      return `the longest item: ${formatSeconds(sample.longestSeconds)}`
    case 'waiting':
      return `waiting: ${formatShare((sample.cpuSeconds ?? 0) / Math.max(sample.itemSeconds, 1e-12))} of an item is on a core`
    default:
      return prediction.limit
  }
}

const placeOf = ({ place, slots }: Prediction, concurrency: number): string => {
  if (place === 'inline') return 'inline (a plain loop)'
  return `${place}, ${plural(slots, 'slot')}${concurrency > 1 ? ` x ${concurrency}` : ''}`
}

const COLUMNS = { place: 24, seconds: 14, speedup: 10 } as const

const row = (place: string, seconds: string, speedup: string, limit: string): string =>
  `  ${place.padEnd(COLUMNS.place)}${seconds.padStart(COLUMNS.seconds)}${speedup.padStart(COLUMNS.speedup)}   ${limit}`

const notesOf = (explained: Explained): string[] => {
  const { sampling, clusterFault, recommended: best, predictions, sample } = explained
  const { failed, failures } = sampling.end
  const notes: string[] = []
  const [first] = failures
  if (failed > 0 && first !== undefined)
    notes.push(`${plural(failed, 'sampled item')} failed, the first with: ${first.message.split('\n')[0]}`)
  if (clusterFault !== undefined) notes.push(`No prediction for the cluster: ${clusterFault}`)
  if (best.limit === 'waiting' && explained.concurrency === 1)
    notes.push(
      'The function mostly waits: several items at once in each worker (--concurrency) would help more than cores.',
    )
  const pays = Math.min(...predictions.map(({ breakEvenItems }) => breakEvenItems ?? Number.POSITIVE_INFINITY))
  if (best.place === 'inline' && Number.isFinite(pays) && pays > itemsOf(sample))
    notes.push(`More than one core pays from about ${plural(pays, 'such item')}.`)
  if (best.place === 'inline' && !Number.isFinite(pays) && predictions.length > 1)
    notes.push('More cores would not make it faster, however many such items there are.')
  return notes
}

/** `isWhole`: the input was read to its end. */
export const renderExplanation = (explained: Explained, paint: Paint, isWhole: boolean): string => {
  const { predictions, recommended: best } = explained
  const rows = predictions.map(prediction => {
    const { seconds, speedup } = prediction
    const detail = detailOf(prediction, explained)
    const line = row(
      placeOf(prediction, explained.concurrency),
      formatSeconds(seconds),
      `${formatFigure(Number(speedup.toPrecision(2)))}x`,
      detail,
    )
    return prediction === best ? `${line.padEnd(78)} ${paint('green', '<- recommended')}` : line
  })
  const notes = notesOf(explained).map(note => `  ${note}`)
  const lines = [
    sampleLine(explained, paint, isWhole),
    '',
    row('', 'time', 'speedup', 'limited by'),
    ...rows,
    ...(notes.length > 0 ? ['', ...notes] : []),
  ]
  return `${lines.join('\n')}\n`
}
