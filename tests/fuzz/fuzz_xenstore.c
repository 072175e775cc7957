/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * fuzz_xenstore.c - Anything in the nodes that memtided reads
 *
 * The real backend_xen, transport_vchan and the modules that learn of a guest,
 * over a xenstore and a Xen of our own: the input is the values of the nodes,
 * each an octet of length (255: the node is not there) and so many octets. The
 * guest can write two of them, and others are dom0's and have seen an editor.
 *
 * What memtided writes is a number or a window, whatever it read, and what it
 * concludes is within its limits. Only the domain that is meant is touched.
 */
#include <errno.h>
#include <event2/event.h>
#include <string.h>

/* Before others of Xen: it asks for what only tools may see. */
#include <xenctrl.h>

#include <libxenvchan.h>
#include <xenstore.h>

#include "balloon.h"
#include "guest.h"
#include "log.h"
#include "sync.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int xc_get_pfn_type_batch(xc_interface *xch, uint32_t dom, unsigned int num,
			  xen_pfn_t *arr);

#define DOMID		7u
#define BASE		"/local/domain/7/"
#define VALUE_MAX	256u
#define BOOT_PAGES	65536u
#define WINDOW		64u
#define LIST_EACH	1000u
#define KIB_MAX		(INT64_C(1) << 50)

struct node {
	const char *path;
	bool there;
	unsigned int len;
	char value[VALUE_MAX];
};

static struct node nodes[] = {
	{ .path = BASE "name" },
	{ .path = BASE "data/memtide/ring-ref" },
	{ .path = BASE "data/memtide/event-channel" },
	{ .path = BASE "memtide/window" },
	{ .path = BASE "memtide/boot-pages" },
	{ .path = BASE "memtide/target-granules" },
	{ .path = BASE "memtide/boot-target-kib" },
	{ .path = BASE "memtide/boot-static-max-kib" },
	{ .path = BASE "memtide/boot-tables-kib" },
	{ .path = BASE "memory/target" },
	{ .path = BASE "memory/static-max" },
	{ .path = BASE "memory/videoram" },
	{ .path = BASE "memtide/balloon" },
	{ .path = "/memtide/00000000000000000000000000000000" },
	{ .path = "token of a watch" },
};
#define TOKEN	(ARRAY_SIZE(nodes) - 1)
#define BALLOON	(TOKEN - 2)

static bool heard, offered;
static uint64_t tables_bytes;
static char object;	/* stands for foreign handles */

/* Nobody reads it, and it would be ten million lines. */
void log_line(enum log_level level, const char *fmt, ...)
{
	(void)level;
	(void)fmt;
}

void log_fields(enum log_level level, const struct log_field *fields,
		unsigned int nr, const char *fmt, ...)
{
	(void)level;
	(void)fields;
	(void)nr;
	(void)fmt;
}

/* There is no configuration file either. */
int log_parse_level(const char *name, enum log_level *ret)
{
	(void)name;
	(void)ret;
	return -EINVAL;
}

/* Xenstore --------------------------------------------------------------- */

static struct node *find(const char *path)
{
	for (size_t i = 0; i < TOKEN; i++) {
		if (!strcmp(nodes[i].path, path))
			return &nodes[i];
	}
	ASSERT(!"a node that memtided does not read");
	return NULL;
}

struct xs_handle *xs_open(unsigned long flags)
{
	(void)flags;
	return (struct xs_handle *)&object;
}

void xs_close(struct xs_handle *h)
{
	ASSERT(h);
}

int xs_fileno(struct xs_handle *h)
{
	(void)h;
	return 0;
}

bool xs_watch(struct xs_handle *h, const char *path, const char *token)
{
	(void)h;
	ASSERT(*path && *token);
	return true;
}

bool xs_unwatch(struct xs_handle *h, const char *path, const char *token)
{
	return xs_watch(h, path, token);
}

/* One block, as xenstore.h has it: pointers, then what they point to. */
char **xs_check_watch(struct xs_handle *h)
{
	char **event;

	(void)h;
	if (heard || !nodes[TOKEN].there) {
		errno = EAGAIN;
		return NULL;
	}
	heard = true;
	event = malloc(2 * sizeof(*event) + VALUE_MAX);
	ASSERT(event);
	event[XS_WATCH_TOKEN] = (char *)(event + 2);
	event[XS_WATCH_PATH] = event[XS_WATCH_TOKEN];
	memcpy(event[XS_WATCH_TOKEN], nodes[TOKEN].value, VALUE_MAX);
	return event;
}

void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path,
	      unsigned int *len)
{
	struct node *n = find(path);
	char *text;

	(void)h;
	(void)t;
	if (!n->there) {
		errno = ENOENT;
		return NULL;
	}
	text = malloc(n->len + 1);
	ASSERT(text);
	memcpy(text, n->value, n->len);
	text[n->len] = 0;
	*len = n->len;
	return text;
}

bool xs_write(struct xs_handle *h, xs_transaction_t t, const char *path,
	      const void *data, unsigned int len)
{
	struct node *n = find(path);

	(void)h;
	(void)t;
	/* The guest's own nodes and its name are not ours; what is empty was
	 * forgotten. */
	ASSERT(n >= &nodes[3]);
	ASSERT(len < BACKEND_VALUE_MAX &&
	       (len || n <= &nodes[4] || n == &nodes[BALLOON]));
	n->there = true;
	n->len = len;
	memcpy(n->value, data, len);
	n->value[len] = 0;
	ASSERT(strspn(n->value, n == &nodes[3] ? "0123456789abcdefx " :
			       n == &nodes[BALLOON] ? "0123456789 " :
						      "0123456789") == len);
	return true;
}

/* Others are remembered, too, but not too many. */
char **xs_directory(struct xs_handle *h, xs_transaction_t t, const char *path,
		    unsigned int *num)
{
	(void)h;
	(void)t;
	ASSERT(!strcmp(path, "/memtide"));
	*num = 3;
	return calloc(1, 1);
}

bool xs_rm(struct xs_handle *h, xs_transaction_t t, const char *path)
{
	(void)h;
	(void)t;
	(void)path;
	abort();
}

/* Xen -------------------------------------------------------------------- */

xc_interface *xc_interface_open(xentoollog_logger *logger,
				xentoollog_logger *dombuild_logger,
				unsigned int open_flags)
{
	(void)logger;
	(void)dombuild_logger;
	(void)open_flags;
	return (xc_interface *)&object;
}

int xc_interface_close(xc_interface *xch)
{
	(void)xch;
	return 0;
}

int xc_domain_getinfolist(xc_interface *xch, uint32_t first_domain,
			  unsigned int max_domains, xc_domaininfo_t *info)
{
	(void)xch;
	ASSERT(max_domains);
	if (first_domain > DOMID)
		return 0;
	memset(info, 0, sizeof(*info));
	info->domain = DOMID;
	info->tot_pages = info->max_pages = BOOT_PAGES;
	return 1;
}

int xc_version(xc_interface *xch, int cmd, void *arg)
{
	(void)xch;
	(void)cmd;
	*(char *)arg = '\0';
	return 0;
}

int xc_physinfo(xc_interface *xch, xc_physinfo_t *info)
{
	(void)xch;
	info->total_pages = info->free_pages = 1 << 20;
	return 0;
}

int xc_domain_setmaxmem(xc_interface *xch, uint32_t domid, uint64_t max_memkb)
{
	(void)xch;
	(void)max_memkb;
	ASSERT(domid == DOMID);
	return 0;
}

int xc_domain_claim_pages(xc_interface *xch, uint32_t domid,
			  unsigned long nr_pages)
{
	(void)xch;
	(void)nr_pages;
	ASSERT(domid == DOMID);
	return 0;
}

int xc_get_paging_mempool_size(xc_interface *xch, uint32_t domid,
			       uint64_t *size)
{
	(void)xch;
	ASSERT(domid == DOMID);
	*size = tables_bytes;
	return 0;
}

int xc_set_paging_mempool_size(xc_interface *xch, uint32_t domid, uint64_t size)
{
	(void)xch;
	ASSERT(domid == DOMID);
	tables_bytes = size;
	return 0;
}

int xc_get_pfn_type_batch(xc_interface *xch, uint32_t dom, unsigned int num,
			  xen_pfn_t *arr)
{
	(void)xch;
	ASSERT(dom == DOMID);
	/* A window of 1 TiB is long, and all of it alike. */
	if (num > WINDOW)
		return -1;
	for (unsigned int i = 0; i < num; i++)
		arr[i] = XEN_DOMCTL_PFINFO_XTAB;
	return 0;
}

/* Never called here: nothing is resized. */
int xc_domain_populate_physmap(xc_interface *xch, uint32_t domid,
			       unsigned long nr_extents,
			       unsigned int extent_order,
			       unsigned int mem_flags, xen_pfn_t *extent_start)
{
	(void)xch;
	(void)domid;
	(void)nr_extents;
	(void)extent_order;
	(void)mem_flags;
	(void)extent_start;
	abort();
}

int xc_domain_decrease_reservation(xc_interface *xch, uint32_t domid,
				   unsigned long nr_extents,
				   unsigned int extent_order,
				   xen_pfn_t *extent_start)
{
	return xc_domain_populate_physmap(xch, domid, nr_extents, extent_order,
					  0, extent_start);
}

/* The channel: the nodes are numbers where it comes this far. */
struct libxenvchan *libxenvchan_client_init(struct xentoollog_logger *logger,
					    int domain, const char *xs_path)
{
	(void)logger;
	ASSERT(domain == (int)DOMID && !strcmp(xs_path, BASE "data/memtide"));
	for (size_t i = 1; i <= 2; i++) {
		ASSERT(nodes[i].there && nodes[i].len);
		ASSERT(strspn(nodes[i].value, "0123456789") == nodes[i].len);
		ASSERT(strtoul(nodes[i].value, NULL, 10) <= INT32_MAX);
	}
	offered = true;
	return NULL;
}

struct libxenvchan *libxenvchan_server_init(struct xentoollog_logger *logger,
					    int domain, const char *xs_path,
					    size_t read_min, size_t write_min)
{
	(void)logger;
	(void)domain;
	(void)xs_path;
	(void)read_min;
	(void)write_min;
	abort();
}

void libxenvchan_close(struct libxenvchan *ctrl)
{
	(void)ctrl;
	abort();
}

int libxenvchan_read(struct libxenvchan *ctrl, void *data, size_t size)
{
	(void)ctrl;
	(void)data;
	(void)size;
	abort();
}

int libxenvchan_write(struct libxenvchan *ctrl, const void *data, size_t size)
{
	(void)ctrl;
	(void)data;
	(void)size;
	abort();
}

int libxenvchan_wait(struct libxenvchan *ctrl)
{
	(void)ctrl;
	abort();
}

int libxenvchan_fd_for_select(struct libxenvchan *ctrl)
{
	(void)ctrl;
	abort();
}

int libxenvchan_is_open(struct libxenvchan *ctrl)
{
	(void)ctrl;
	abort();
}

/* memtided --------------------------------------------------------------- */

static void on_event(void *ctx)
{
	(void)ctx;
}

static void on_domain_event(void *ctx, uint32_t domid)
{
	(void)ctx;
	(void)domid;
}

static void on_guest(struct guest *g)
{
	(void)g;
}

static void on_message(struct guest *g, const struct guest_msg *msg)
{
	(void)g;
	(void)msg;
}

static const struct backend_events events = {
	.domains = on_event, .offer = on_domain_event,
	.target = on_domain_event,
};

static const struct guest_ops ops = {
	.step = on_guest, .retry = on_guest, .overdue = on_guest,
	.look = on_guest, .message = on_message, .managed = on_guest,
	.gone = on_guest, .changed = on_guest,
};

static void fill_nodes(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
		struct node *n = &nodes[i];

		memset(n->value, 0, sizeof(n->value));
		n->there = size && *data != 255;
		n->len = 0;
		if (!size)
			continue;
		size--;
		if (!n->there) {
			data++;
			continue;
		}
		n->len = (unsigned int)MIN(*data, size);
		data++;
		memcpy(n->value, data, n->len);
		data += n->len;
		size -= n->len;
	}
}

static void check_name(const char name[BACKEND_NAME_MAX])
{
	ASSERT(strnlen(name, BACKEND_NAME_MAX) < BACKEND_NAME_MAX);
	for (; *name; name++)
		ASSERT(*name >= ' ' && *name <= '~');
}

static void ask_backend(struct backend *b, const struct guest_id *id)
{
	struct transport *t;
	uint64_t wanted_kib = 0;
	int64_t kib = 0;
	int rc;

	ASSERT(!b->ops->dispatch(b, &events, NULL));
	rc = b->ops->connect(b, id, &t);
	ASSERT(rc == -EPROTO || rc == -ENOENT);
	ASSERT(rc == -EPROTO || !offered);
	if (!b->ops->wanted(b, id, &kib))
		ASSERT(kib >= -KIB_MAX && kib <= KIB_MAX);
	(void)b->ops->set_tables(b, id, 3);
	(void)b->ops->recall(b, id, &wanted_kib);
	ASSERT(!b->ops->remember(b, id, wanted_kib / 2));
	ASSERT(!b->ops->recall(b, id, &wanted_kib));
	if (!b->ops->publish(b, id, 5))
		ASSERT(!b->ops->wanted(b, id, &kib) && kib == 5 * GRANULE_KIB);
}

static void learn_guest(const struct guest_env *env,
			const struct backend_domain *d)
{
	static const struct msg_hello hello = {
		.major = PROTO_MAJOR, .block_granules = 64,
		.memmap_granules = 1, .window_gfn = UINT64_C(1) << 24,
		.window_granules = WINDOW,
	};
	struct guest *g;

	ASSERT(!guest_new(env, d, &g));
	(void)sync_stored(g);
	ASSERT(g->stored_left <= WINDOW_GRANULES_MAX);
	/* It has no channel: it is learned, and the welcome is lost. */
	sync_begin(g, &hello);
	ASSERT(g->state == GUEST_UNMANAGED || g->state == GUEST_QUARANTINED);
	ASSERT(g->target <= WINDOW && !g->managed);
	(void)sync_readmit(g);
	guest_free(g);
}

static void check_balloon(const struct guest *g)
{
	const struct balloon *b = &g->balloon;

	ASSERT(balloon_want(b) <= b->boot_pages);
	ASSERT(balloon_least_kib(b) <= balloon_most_kib(b));
	ASSERT(b->slack_pages <= 256);
	ASSERT(balloon_max(b, BOOT_PAGES) >= BOOT_PAGES);
}

/* What is stored is gone on with; who may be ballooned is, down to the floor. */
static void learn_balloon(const struct guest_env *env,
			  const struct backend_domain *d)
{
	char why[256] = "";
	struct guest *g;
	int64_t kib;

	ASSERT(!guest_new(env, d, &g));
	(void)balloon_stored(g);
	if (!g->balloon.on && !balloon_learn(g, why, sizeof(why))) {
		uint64_t least = balloon_least_kib(&g->balloon);

		check_balloon(g);
		(void)balloon_set(g, balloon_less(&g->balloon, least));
	}
	for (int i = 0; i < 4 && g->balloon.on; i++) {
		check_balloon(g);
		balloon_run(g);
		(void)balloon_wanted(g, &kib);
	}
	guest_free(g);
}

/* A list looks at each domid there may be, which takes its time: the first
 * time that one is asked for, and then now and then. */
static void list_domains(struct backend *b)
{
	static unsigned int left_out = LIST_EACH;
	struct backend_domain *domains = NULL;
	uint32_t nr = 0;

	if (left_out++ < LIST_EACH)
		return;
	left_out = 0;
	ASSERT(!b->ops->list(b, &domains, &nr) && nr == 1);
	check_name(domains[0].name);
	free(domains);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct backend_domain domain = { .id.domid = DOMID };
	static struct counters counters;
	struct guest_env env = { .conf = { 0, 1000, 60000 }, .ops = &ops,
				 .counters = &counters };
	static struct event_base *base;
	static struct backend *b;

	if (!base)
		base = event_base_new();
	if (!b)
		ASSERT(!backend_xen_open(&b));
	ASSERT(base);
	fill_nodes(data, size);
	heard = offered = false;
	tables_bytes = 1 << 20;
	if (nodes[TOKEN].there && !strcmp(nodes[TOKEN].value, "list"))
		list_domains(b);
	ask_backend(b, &domain.id);
	env.base = base;
	env.backend = b;
	learn_guest(&env, &domain);
	learn_balloon(&env, &domain);
	return 0;
}
