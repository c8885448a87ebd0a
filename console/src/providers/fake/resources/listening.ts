import { columns, type FakeResource } from '../lists';

const DATES = 'created_at updated_at version';

export const listening: Record<string, FakeResource> = {
    scenarios: { key: 'id', order: 'id', columns: columns(`id:fs code:f name:fs kind:f active:f ${DATES}`), search: ['code', 'name'] },
    'tag-groups': { wire: 'tag_groups', right: 'tags', key: 'id', order: 'position', columns: columns(`id:fs name:fs colour exclusive:f rates:f position:fs active:f ${DATES}`) },
    tags: { key: 'id', order: 'position', columns: columns(`id:fs group_id:f name:fs colour position:fs active:f stop:f ${DATES}`) },
};
