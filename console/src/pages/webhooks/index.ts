export { DeliveryList as Deliveries } from './DeliveryList';
export { WebhookCreate as Create, WebhookEdit as Edit } from './WebhookForm';
export { WebhookList as List } from './WebhookList';
