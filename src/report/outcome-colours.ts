/** The colours of labels and detections that are compared, the same in the viewer and in reports; the colour-blind can distinguish them too, by the dashes of detections. */
export const outcomeColours = {
  /** A label that was found. */
  found: '#3ddc84',
  /** The detection that found it. */
  right: '#4cc3ff',
  /** A label that was not found. */
  missed: '#ff4d6d',
  /** A detection of nothing. */
  false: '#ffb020',
  /** What is ignored. */
  ignored: '#8a94a6',
} as const;
