// Figures as people read them: 40,000 items, 12.9 s, 1 min 31 s, 53 µs. Pure.

export const formatCount = (count: number): string => String(Math.round(count)).replace(/\B(?=(\d{3})+(?!\d))/g, ',')

export const plural = (count: number, noun: string): string =>
  `${formatCount(count)} ${noun}${Math.round(count) === 1 ? '' : 's'}`

/** About three digits, no exponent. */
export const formatFigure = (value: number): string => {
  if (!Number.isFinite(value)) return '?'
  if (value >= 1000) return formatCount(value)
  if (value >= 100) return value.toFixed(0)
  if (value >= 1) return String(Number(value.toFixed(value >= 10 ? 1 : 2)))
  if (value <= 0) return '0'
  // Two significant digits, which for 0.000… would be an exponent elsewhere.
  const digits = Math.min(8, 1 - Math.floor(Math.log10(value)))
  return String(Number(value.toFixed(digits)))
}

export const formatSeconds = (seconds: number): string => {
  if (!Number.isFinite(seconds)) return '?'
  if (seconds <= 0) return '0 s'
  if (seconds < 0.000_000_999_5) return `${formatFigure(seconds * 1e9)} ns`
  if (seconds < 0.000_999_5) return `${formatFigure(seconds * 1e6)} µs`
  if (seconds < 0.9995) return `${formatFigure(seconds * 1e3)} ms`
  if (seconds < 59.95) return `${Number(seconds.toFixed(seconds < 10 ? 2 : 1))} s`
  const whole = Math.round(seconds)
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 2880) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
  return `${formatFigure(minutes / 1440)} days`
}

export const formatShare = (fraction: number): string => {
  if (!Number.isFinite(fraction)) return '? %'
  const percent = fraction * 100
  return `${percent >= 10 || percent === 0 ? Number(percent.toFixed(1)) : formatFigure(percent)} %`
}

export const formatBytes = (bytes: number): string => {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB']
  let unit = 0
  let value = bytes
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024
  return `${formatFigure(value)} ${units[unit]}`
}
