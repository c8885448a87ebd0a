export { CarrierCreate as Create } from './CarrierForm';
export { CarrierEdit as Edit } from './CarrierForm';
export { CarrierList as List } from './CarrierList';
