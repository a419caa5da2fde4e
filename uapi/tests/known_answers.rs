//! Numbers written out, whatever the installed headers are: ioctls, sizes, and what headers are often too old for.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use uapi::ioctl::Row;
use uapi::{compat, control, dmabuf, fuse, pcm, timer};

/// A table holds these rows, in this order, and no others.
fn assert_rows(table: &[Row], expected: &[(&str, u32)]) {
    let rows: Vec<_> = table.iter().map(|row| (row.name, row.cmd)).collect();
    assert_eq!(rows, expected);
}

#[test]
fn pcm_ioctls_have_their_numbers() {
    assert_rows(
        pcm::table::TABLE,
        &[
            ("PVERSION", 0x8004_4100),
            ("INFO", 0x8120_4101),
            ("TSTAMP", 0x4004_4102),
            ("TTSTAMP", 0x4004_4103),
            ("USER_PVERSION", 0x4004_4104),
            ("HW_REFINE", 0xc260_4110),
            ("HW_REFINE_OLD", 0xc100_4110),
            ("HW_PARAMS", 0xc260_4111),
            ("HW_PARAMS_OLD", 0xc100_4111),
            ("HW_FREE", 0x0000_4112),
            ("SW_PARAMS", 0xc088_4113),
            ("STATUS", 0x8098_4120),
            ("DELAY", 0x8008_4121),
            ("HWSYNC", 0x0000_4122),
            ("SYNC_PTR", 0xc088_4123),
            ("STATUS_EXT", 0xc098_4124),
            ("CHANNEL_INFO", 0x8018_4132),
            ("PREPARE", 0x0000_4140),
            ("RESET", 0x0000_4141),
            ("START", 0x0000_4142),
            ("DROP", 0x0000_4143),
            ("DRAIN", 0x0000_4144),
            ("PAUSE", 0x4004_4145),
            ("REWIND", 0x4008_4146),
            ("RESUME", 0x0000_4147),
            ("XRUN", 0x0000_4148),
            ("FORWARD", 0x4008_4149),
            ("WRITEI_FRAMES", 0x4018_4150),
            ("READI_FRAMES", 0x8018_4151),
            ("WRITEN_FRAMES", 0x4018_4152),
            ("READN_FRAMES", 0x8018_4153),
            ("LINK", 0x4004_4160),
            ("UNLINK", 0x0000_4161),
        ],
    );
}

#[test]
fn pcm_ioctls_of_32_bit_clients_have_their_numbers() {
    assert_rows(
        compat::pcm::TABLE,
        &[
            ("HW_REFINE", 0xc25c_4110),
            ("HW_PARAMS", 0xc25c_4111),
            ("SW_PARAMS", 0xc068_4113),
            ("STATUS_T32", 0x806c_4120),
            ("STATUS_T64", 0x8080_4120),
            ("DELAY", 0x8004_4121),
            ("SYNC_PTR_T32", 0xc084_4123),
            ("SYNC_PTR_T64", 0xc088_4123),
            ("STATUS_EXT_T32", 0xc06c_4124),
            ("STATUS_EXT_T64", 0xc080_4124),
            ("CHANNEL_INFO", 0x8010_4132),
            ("REWIND", 0x4004_4146),
            ("FORWARD", 0x4004_4149),
            ("WRITEI_FRAMES", 0x400c_4150),
            ("READI_FRAMES", 0x800c_4151),
            ("WRITEN_FRAMES", 0x400c_4152),
            ("READN_FRAMES", 0x800c_4153),
        ],
    );
    assert_eq!(
        compat::pcm::NATIVE_TOO,
        [0x806c_4120, 0xc06c_4124, 0xc084_4123]
    );
}

#[test]
fn control_ioctls_have_their_numbers() {
    assert_rows(
        control::table::TABLE,
        &[
            ("PVERSION", 0x8004_5500),
            ("CARD_INFO", 0x8178_5501),
            ("ELEM_LIST", 0xc050_5510),
            ("ELEM_INFO", 0xc110_5511),
            ("ELEM_READ", 0xc4c8_5512),
            ("ELEM_WRITE", 0xc4c8_5513),
            ("ELEM_LOCK", 0x4040_5514),
            ("ELEM_UNLOCK", 0x4040_5515),
            ("SUBSCRIBE_EVENTS", 0xc004_5516),
            ("ELEM_ADD", 0xc110_5517),
            ("ELEM_REPLACE", 0xc110_5518),
            ("ELEM_REMOVE", 0xc040_5519),
            ("TLV_READ", 0xc008_551a),
            ("TLV_WRITE", 0xc008_551b),
            ("TLV_COMMAND", 0xc008_551c),
            ("HWDEP_NEXT_DEVICE", 0xc004_5520),
            ("HWDEP_INFO", 0x80dc_5521),
            ("PCM_NEXT_DEVICE", 0x8004_5530),
            ("PCM_INFO", 0xc120_5531),
            ("PCM_PREFER_SUBDEVICE", 0x4004_5532),
            ("RAWMIDI_NEXT_DEVICE", 0xc004_5540),
            ("RAWMIDI_INFO", 0xc10c_5541),
            ("RAWMIDI_PREFER_SUBDEVICE", 0x4004_5542),
            ("UMP_NEXT_DEVICE", 0xc004_5543),
            ("UMP_ENDPOINT_INFO", 0xc148_5544),
            ("UMP_BLOCK_INFO", 0xc0b4_5545),
            ("POWER", 0xc004_55d0),
            ("POWER_STATE", 0x8004_55d1),
        ],
    );
    assert_rows(
        compat::control::TABLE,
        &[
            ("ELEM_LIST", 0xc048_5510),
            ("ELEM_READ", 0xc2c4_5512),
            ("ELEM_READ_ALIGNED", 0xc2c8_5512),
            ("ELEM_WRITE", 0xc2c4_5513),
            ("ELEM_WRITE_ALIGNED", 0xc2c8_5513),
        ],
    );
}

#[test]
fn timer_ioctls_have_their_numbers() {
    assert_rows(
        timer::TABLE,
        &[
            ("PVERSION", 0x8004_5400),
            ("NEXT_DEVICE", 0xc014_5401),
            ("TREAD_OLD", 0x4004_5402),
            ("GINFO", 0xc0f8_5403),
            ("GPARAMS", 0x4048_5404),
            ("GSTATUS", 0xc050_5405),
            ("SELECT", 0x4034_5410),
            ("INFO", 0x80e8_5411),
            ("PARAMS", 0x4050_5412),
            ("STATUS", 0x8060_5414),
            ("START", 0x0000_54a0),
            ("STOP", 0x0000_54a1),
            ("CONTINUE", 0x0000_54a2),
            ("PAUSE", 0x0000_54a3),
            ("TREAD64", 0x4004_54a4),
            ("CREATE", 0xc020_54a5),
            ("TRIGGER", 0x0000_54a6),
        ],
    );
    assert_eq!(compat::timer::GINFO, 0xc0e0_5403);
    assert_eq!(compat::timer::GSTATUS, 0xc040_5405);
    assert_eq!(compat::timer::STATUS_T32, 0x8058_5414);
}

#[test]
fn the_kernel_takes_other_timer_numbers_from_32_bit_clients_than_the_header_has() {
    assert_rows(
        compat::timer::TABLE,
        &[
            ("GPARAMS", 0x403c_5404),
            ("INFO", 0x80e0_5411),
            ("STATUS_T32", 0x4058_5414),
            ("STATUS_T64", 0x4060_5414),
        ],
    );
    for refused in [
        compat::timer::GINFO,
        compat::timer::GSTATUS,
        compat::timer::STATUS_T32,
        timer::STATUS,
        timer::GINFO,
    ] {
        assert_eq!(compat::timer::find(refused), None, "{refused:#x}");
    }
    assert_eq!(compat::timer::find(timer::SELECT).unwrap().name, "SELECT");
}

#[test]
fn dma_buf_ioctls_have_their_numbers() {
    assert_rows(
        dmabuf::TABLE,
        &[
            ("DMABUF_EXPORT", 0x8004_4170),
            ("DMABUF_ATTACH", 0x4004_4171),
            ("DMABUF_DETACH", 0x0000_4172),
        ],
    );
}

#[test]
fn a_number_is_found_only_in_whole() {
    assert_eq!(pcm::table::find(0xc260_4110).unwrap().name, "HW_REFINE");
    assert_eq!(pcm::table::find(0xc260_5510), None);
    assert_eq!(pcm::table::find(0xc25c_4110), None);
    assert_eq!(pcm::table::find(0x8260_4110), None);
}

#[test]
fn a_32_bit_client_has_native_rows_only_where_nothing_differs() {
    let find = compat::pcm::find;
    assert_eq!(find(0x0000_4140).unwrap().name, "PREPARE");
    assert_eq!(find(0xc25c_4111).unwrap().name, "HW_PARAMS");
    assert_eq!(find(0xc088_4123).unwrap().name, "SYNC_PTR_T64");
    for refused in [
        0xc260_4110,
        0xc260_4111,
        0xc100_4110,
        0xc100_4111,
        0x8098_4120,
        0x8008_4121,
        0x4018_4150,
    ] {
        assert_eq!(find(refused), None, "{refused:#x}");
    }
    assert_eq!(
        compat::control::find(0xc110_5511).unwrap().name,
        "ELEM_INFO"
    );
    assert_eq!(compat::control::find(0xc050_5510), None);
    assert_eq!(compat::control::find(0xc4c8_5512), None);
}

/// The names of the rows for which `f` holds.
fn names(tables: &[&'static [Row]], f: fn(&Row) -> bool) -> Vec<&'static str> {
    tables
        .iter()
        .flat_map(|table| table.iter())
        .filter(|row| f(row))
        .map(|row| row.name)
        .collect()
}

#[test]
fn numbers_that_hide_what_is_read_and_written_are_known() {
    let tables = [pcm::table::TABLE, control::table::TABLE];
    let read = [
        "CHANNEL_INFO",
        "READI_FRAMES",
        "READN_FRAMES",
        "HWDEP_INFO",
        "PCM_NEXT_DEVICE",
    ];
    assert_eq!(names(&tables, Row::reads_unannounced), read);
    assert_eq!(
        names(&tables, Row::writes_unannounced),
        ["REWIND", "FORWARD", "WRITEI_FRAMES", "WRITEN_FRAMES"]
    );
    assert_eq!(
        names(&tables, |row| row.shape == uapi::ioctl::Shape::Value),
        ["PAUSE", "LINK"]
    );
    let indirect = [
        "WRITEI_FRAMES",
        "READI_FRAMES",
        "WRITEN_FRAMES",
        "READN_FRAMES",
        "ELEM_LIST",
        "ELEM_ADD",
        "ELEM_REPLACE",
        "TLV_READ",
        "TLV_WRITE",
        "TLV_COMMAND",
    ];
    assert_eq!(names(&tables, |row| row.indirect), indirect);
}

#[test]
fn a_row_without_argument_has_a_number_without_size() {
    let tables = [
        pcm::table::TABLE,
        control::table::TABLE,
        timer::TABLE,
        dmabuf::TABLE,
    ];
    for row in tables.iter().flat_map(|table| table.iter()) {
        assert_eq!(
            row.shape == uapi::ioctl::Shape::None,
            row.size() == 0,
            "{}",
            row.name
        );
    }
}

#[test]
fn structures_have_their_sizes() {
    let sizes = [
        ("pcm_info", size_of::<pcm::Info>(), 288),
        ("pcm_hw_params", size_of::<pcm::HwParams>(), 608),
        ("pcm_sw_params", size_of::<pcm::SwParams>(), 136),
        ("pcm_status", size_of::<pcm::Status>(), 152),
        ("pcm_sync_ptr", size_of::<pcm::SyncPtr>(), 136),
        ("pcm_mmap_status", size_of::<pcm::MmapStatus>(), 56),
        ("pcm_mmap_control", size_of::<pcm::MmapControl>(), 16),
        ("pcm_channel_info", size_of::<pcm::ChannelInfo>(), 24),
        ("xferi", size_of::<pcm::XferI>(), 24),
        ("xfern", size_of::<pcm::XferN>(), 24),
        ("ctl_card_info", size_of::<control::elem::CardInfo>(), 376),
        ("ctl_elem_id", size_of::<control::elem::ElemId>(), 64),
        ("ctl_elem_list", size_of::<control::elem::ElemList>(), 80),
        ("ctl_elem_info", size_of::<control::elem::ElemInfo>(), 272),
        (
            "ctl_elem_value",
            size_of::<control::elem::ElemValue>(),
            1224,
        ),
        ("ctl_event", size_of::<control::elem::Event>(), 72),
        ("timer_ginfo", size_of::<timer::GInfo>(), 248),
        ("timer_gparams", size_of::<timer::GParams>(), 72),
        ("timer_gstatus", size_of::<timer::GStatus>(), 80),
        ("timer_select", size_of::<timer::Select>(), 52),
        ("timer_info", size_of::<timer::Info>(), 232),
        ("timer_params", size_of::<timer::Params>(), 80),
        ("timer_status", size_of::<timer::Status>(), 96),
        ("timer_read", size_of::<timer::Read>(), 8),
        ("timer_tread", size_of::<timer::Tread>(), 32),
    ];
    for (name, size, expected) in sizes {
        assert_eq!(size, expected, "{name}");
    }
}

#[test]
fn structures_of_32_bit_clients_have_their_sizes() {
    let sizes = [
        ("pcm_hw_params", size_of::<compat::pcm::HwParams>(), 604),
        ("pcm_sw_params", size_of::<compat::pcm::SwParams>(), 104),
        ("pcm_status t32", size_of::<compat::pcm::StatusT32>(), 108),
        ("pcm_status t64", size_of::<compat::pcm::StatusT64>(), 128),
        (
            "pcm_sync_ptr t32",
            size_of::<compat::pcm::SyncPtrT32>(),
            132,
        ),
        (
            "pcm_sync_ptr t64",
            size_of::<compat::pcm::SyncPtrT64>(),
            136,
        ),
        (
            "pcm_mmap_status t32",
            size_of::<compat::pcm::MmapStatusT32>(),
            32,
        ),
        (
            "pcm_mmap_status t64",
            size_of::<compat::pcm::MmapStatusT64>(),
            56,
        ),
        (
            "pcm_mmap_control t32",
            size_of::<compat::pcm::MmapControlT32>(),
            8,
        ),
        (
            "pcm_mmap_control t64",
            size_of::<compat::pcm::MmapControlT64>(),
            12,
        ),
        (
            "pcm_channel_info",
            size_of::<compat::pcm::ChannelInfo>(),
            16,
        ),
        ("xferi", size_of::<compat::pcm::XferI>(), 12),
        ("ctl_elem_list", size_of::<compat::control::ElemList>(), 72),
        (
            "ctl_elem_value",
            size_of::<compat::control::ElemValue>(),
            708,
        ),
        (
            "ctl_elem_value aligned",
            size_of::<compat::control::ElemValueAligned>(),
            712,
        ),
        ("timer_ginfo", size_of::<compat::timer::GInfo>(), 224),
        ("timer_gparams", size_of::<compat::timer::GParams>(), 60),
        ("timer_gstatus", size_of::<compat::timer::GStatus>(), 64),
        ("timer_info", size_of::<compat::timer::Info>(), 224),
        ("timer_status", size_of::<compat::timer::StatusT32>(), 88),
        ("timer_tread", size_of::<compat::timer::TreadT32>(), 16),
    ];
    for (name, size, expected) in sizes {
        assert_eq!(size, expected, "{name}");
    }
    // The padding after the wrong member: avail_min lies at 76 of sync_ptr.
    let control = std::mem::offset_of!(compat::pcm::SyncPtrT64, control);
    assert_eq!(
        control + std::mem::offset_of!(compat::pcm::MmapControlT64, avail_min),
        76
    );
}

/// What came to FUSE after many an installed header.
#[test]
fn newer_fuse_has_its_numbers() {
    assert_eq!(fuse::DEV_IOC_CLONE, 0x8004_e500);
    assert_eq!(fuse::DEV_IOC_BACKING_OPEN, 0x4010_e501);
    assert_eq!(fuse::DEV_IOC_BACKING_CLOSE, 0x4004_e502);
    assert_eq!(fuse::flags::fopen::PASSTHROUGH, 0x80);
    assert_eq!(fuse::flags::init::DIRECT_IO_ALLOW_MMAP, 1 << 36);
    assert_eq!(fuse::flags::init::PASSTHROUGH, 1 << 37);
    assert_eq!(
        fuse::flags::init::split(fuse::flags::init::PASSTHROUGH),
        (0, 1 << 5)
    );
    assert_eq!(size_of::<fuse::InitOut>(), 64);
    assert_eq!(std::mem::offset_of!(fuse::InitOut, max_stack_depth), 36);
    assert_eq!(std::mem::offset_of!(fuse::OpenOut, backing_id), 12);
    assert_eq!(size_of::<fuse::InHeader>(), 40);
    assert_eq!(size_of::<fuse::CuseInitOut>(), 72);
}

#[test]
fn upper_init_flags_count_only_where_announced() {
    use fuse::flags::init::{ASYNC_READ, INIT_EXT, PASSTHROUGH, join, split};
    let (low, high) = split(ASYNC_READ | INIT_EXT | PASSTHROUGH);
    assert_eq!(join(low, high), ASYNC_READ | INIT_EXT | PASSTHROUGH);
    assert_eq!(join(1, high), ASYNC_READ);
}

#[test]
fn unions_of_a_control_element_start_together() {
    use zerocopy::FromZeros;
    let mut value = control::elem::Value::new_zeroed();
    value.integer_mut()[1] = -2;
    assert_eq!(value.integer64()[1], -2);
    assert_eq!(value.enumerated()[2], 0xffff_fffe);
    assert_eq!(value.data()[8], 0xfe);
    assert_eq!(value.iec958().status[15], 0xff);
    let mut info = control::elem::InfoValue::new_zeroed();
    info.integer_mut().max = 0x1_0000_0002;
    assert_eq!(info.enumerated().name[..4], [2, 0, 0, 0]);
    compat::control::range_mut(&mut info).step = 7;
    assert_eq!(info.integer().max, 0x1_0000_0007);
    let mut narrow = compat::control::Value::new_zeroed();
    narrow.integer64_mut()[1] = (-2).into();
    assert_eq!(narrow.integer()[2..4], [-2, -1]);
}

#[test]
fn dma_bufs_are_made_and_synced_by_the_kernels_numbers() {
    assert_eq!(dmabuf::UDMABUF_CREATE, 0x4018_7542);
    assert_eq!(dmabuf::SYNC, 0x4008_6200);
}
