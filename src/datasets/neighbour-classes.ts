/** The class that looks like one of KITTI's evaluated classes: detected as that, it is neither right nor wrong. */
export const neighbourClasses: { readonly [name: string]: string | undefined } = {
  Car: 'Van',
  Pedestrian: 'Person_sitting',
};
