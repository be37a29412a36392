"""Made-up names of people in many languages, none of them among the sample words of the detection by intention."""

from __future__ import annotations

from collections.abc import Mapping

# For each language: its names, and the encodings that its files come in.
NAMES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "de": (
        """
        Götz Bößmann Ludger Stöber Jörn Füssel Annegret Mühlhäuser Bärbel Knöll Heiko Lütke Ottmar Brühl Käßmann
        Rühmann Löffler Straßburger Höß Möhring Grützner Wolfgang Haß Übel Äcker Öllinger Strübing Dürr Ihßen
        Gräfe
        """,
        (
            "windows-1252",
            "macintosh",
            "iso-8859-15",
            "windows-1250",
            "windows-1254",
            "windows-1257",
            "iso-8859-2",
        ),
    ),
    "fr": (
        """
        Jérémie Pagnol Mélissa Théodore Laëtitia Brûlé Quentin Hénault Blériot Séverine Guérin Honorine Crêpin
        Grégory Ségolène Fénelon Clément Méline Hermès Boë Cécile Fauré Eugène Maël Daphné Delépine Gâtineau Rhône
        Lasségue Maïté Câlin Où Françine Curé Jeannès Noëmie Barrère Dès Frédo Vidocq-Château
        """,
        (
            "windows-1252",
            "macintosh",
            "iso-8859-15",
        ),
    ),
    "es": (
        """
        Joaquín Ormeño Ximena Cárdenas Ángeles Bermúdez Íker Núria Valdés Matías Treviño Concepción Farfán Fermín
        Olazábal Nicolás Rincón Abigaíl Migueláñez Jerónimo Pacheco Güiraldes Leñero Zapatería Ñahuel Estefanía
        Cañizares Asunción Téllez
        """,
        (
            "windows-1252",
            "macintosh",
            "iso-8859-15",
        ),
    ),
    "pt": (
        """
        Tomás Falcão Lúcia Estevão Rogério Assis Mafalda Gusmão Zé Ramalhão Abrantes Luísa Cabaço Ângelo Bulhões
        Semião Tristão Capitão Marçal Constâncio Eugênio Janaína Grão Negrão Simplício Grácio Aragão Félix Sertão
        Muñoz
        """,
        (
            "windows-1252",
            "macintosh",
            "iso-8859-15",
        ),
    ),
    "it": (
        """
        Aniceto Forlì Mariù Battistì Mosè Ferrì Gioacchino Piè Cossù Carlà Peppinò Santità Cenerè Abatè
        """,
        (
            "windows-1252",
            "macintosh",
            "iso-8859-15",
        ),
    ),
    "nl": (
        """
        Loïc Boëthius Danaë Micaëla Reünion Thaïsa Coördinator Aleïda Raoulë Israël Anneloes Noëmi Suïcide Oriën
        Geïnst
        """,
        (
            "windows-1252",
            "macintosh",
            "iso-8859-15",
        ),
    ),
    "sv": (
        """
        Björk Tångring Mårten Hässelby Åmål Ragnvald Östgöte Lövgren Fägerstad Ängla Stig-Åke Böös Grönkvist
        Sandåker Häräd Ödman Småland Brännström Lööf Öström Nilsmåg Skåne
        """,
        (
            "windows-1252",
            "macintosh",
            "iso-8859-15",
        ),
    ),
    "da": (
        """
        Bjørg Kræmer Søndergaard Frederikke Ågot Nødskov Rødgaard Jæren Kjølv Mads Skærbo Gårdsø Løkke Hjælmsø
        Ingrid Sønsteby Tæruds Øgaard Ræven Pålsen Åmot Bråthen Østby Grethe Trøen Skrøder Årdal
        """,
        (
            "windows-1252",
            "macintosh",
            "iso-8859-15",
        ),
    ),
    "fi": (
        """
        Tähtinen Löytty Kyösti Pöntinen Sääksi Mäenpää Hörkkö Yläjärvi Ämmälä Näätänen Rönkä Öljymäki Pitkäranta
        Vähäkangas
        """,
        (
            "windows-1252",
            "macintosh",
            "iso-8859-15",
        ),
    ),
    "is": (
        """
        Hallbjörg Þrúður Arnþór Steindór Snædís Eiður Þorlákur Sigþrúður Njáll Hróðný Kolbrún Áslaug Stefánsdóttir
        Hjálmar Öxndal Ásmundur Þorbjörg Vilhjálmsson Ýmir Lárus Fríða Ægisdóttir Elísabet
        """,
        (
            "windows-1252",
            "iso-8859-15",
        ),
    ),
    "et": (
        """
        Küllike Sõrmus Tõivo Rääk Õnneleid Mõistlik Jaanimägi Püss Väli Kõks Söödi Ülari Rüütel Lõuna Jõeveer
        Võhma Täht Hõimre Mõtus Pöial
        """,
        (
            "windows-1252",
            "windows-1257",
        ),
    ),
    "lv": (
        """
        Gatis Mūrnieks Skaidrīte Pļaviņa Žanis Grūbe Inta Vīķe Ķīlis Guntis Sprūde Vēsma Leimanis Ādamsons Ļaudams
        Ģirmane Ojārs Čukurs Šteins Zeltīte Bīriņš Rūta Ezeriņa Kronbergs Dēliņš
        """,
        (
            "windows-1257",
            "iso-8859-13",
        ),
    ),
    "lt": (
        """
        Vaidotas Pocius Žaneta Griškevičienė Darius Mažeika Birutė Šličytė Ėringis Jokūbas Norvaišas Ąsočė
        Algirdas Trečiokas Viltė Čekanauskienė Mantas Žebelys Ūsas Laimutė Sėdžius Gintarė Petrulytė Ignas Šimėnas
        Edita Bružienė
        """,
        (
            "windows-1257",
            "iso-8859-13",
        ),
    ),
    "pl": (
        """
        Kornelia Gżegżółka Zdzisław Brzęczyszczykiewicz Ewelina Łaskawiec Mieczysław Żurawski Ścibor Nędza
        Gniewosz Piątkowski Wiesława Śnieg Oświęcim Borówka Tadeusz Pęczak Róża Łoś Cień Wąsik Jagoda Krzyżanowska
        Sławomir Ćwiąkalski Żytko Hołownia Bielański Zofia Truskolaśka Kaźmierz Bujak Źdźbło
        """,
        (
            "windows-1250",
            "iso-8859-2",
        ),
    ),
    "cs": (
        """
        Bořivoj Nezbeda Jaroslava Kořínková Přemek Tlustý Dalimil Mašín Růžena Ježková Vítězslav Ploužek Žaneta
        Čápová Otakar Ďurák Štefka Zbořil Dušan Křenek Radomír Vyskočil Ludmila Ševců Ctibor Hýbl Anežka Bažantová
        Uhlíř Kateřina Pařízková Slezáček Záruba Huť Naďa Mňačko Milíč Říčař
        """,
        (
            "windows-1250",
            "iso-8859-2",
        ),
    ),
    "sk": (
        """
        Ľubor Ďatelinka Žofia Hríbiková Svätopluk Mäsiarik Vŕtik Šándor Ružena Kĺč Ľachovič Oľga Dzurinda Ťahúň
        Vavrinec Mišík Štúr Čaplovič Adriána Ňuňuková Peťo Žblnk Hviezdoslavová Ľahký Jaroslav Kľúčik Vôňa Hôrka
        Žiar Bľacho Kôrová Piťo
        """,
        (
            "windows-1250",
            "iso-8859-2",
        ),
    ),
    "hu": (
        """
        Szörényi Béla Kökörcsin Hajnalka Bánffy Kristóf Csengő Ányos Gyöngyvér Rőthy Lóránt Tömlő Petrő Szőts
        Gyula Fűtő Aranka Őze Lajosné Böjte Csermő Úrhegyi Bottyán Réti Kátai Hőgyész Borbála Vérten Süllő Tűri
        Ínyes Özséb Csiszár Kálnoky Rőfös
        """,
        (
            "windows-1250",
            "iso-8859-2",
        ),
    ),
    "ro": (
        """
        Şoşoacă Codruţa Drăguţ Pârjol Ţuţea Horaţiu Bîrsan Crăiţa Mărgărit Vlăduţ Săvescu Gârbea Luminiţa
        Bărbulescu Nuţu Şapte Frunză Mircea Păcurariu Cîmpan Înţelept Dorobanţ Grăjdan Ţigănaş Viorica Dăncilă
        Lăzăroiu Bâscă
        """,
        (
            "windows-1250",
            "iso-8859-2",
        ),
    ),
    "hr": (
        """
        Dražen Štimac Mirjana Đukić Krunoslav Jakovčić Ljerka Šnajder Đurđica Ćurlin Nenad Bučan Višnja Kraljević
        Hrvoje Žugaj Blaženka Čulo Tihomir Mrđen Senka Brešan Marčelja Dželal Lončar Matešić Vesna Pučnik Žarko
        Ćelić Stjepan Šešelj Mijić
        """,
        (
            "windows-1250",
            "iso-8859-2",
        ),
    ),
    "tr": (
        """
        Gülbahar Kızılkaya Tayfun Sağlam Çetiner İlhan Şıpka Nağme Eroğlu Rüştü Kırlangıç Müjgan Dağdelen Şevket
        Yörük Ünsal Çağatay İnanç Tanrıöver Beyazıt Gürsoy Hülya Bıçakçı Zübeyde Iğdır Uçar Şengül Yağmur Ökten
        Sıtkı Boğaz İffet
        """,
        ("windows-1254",),
    ),
    "vi": (
        """
        Phùng Khắc Khoan Tôn Nữ Thị Ninh Châu Đăng Khoa Tường Vy Nông Mạnh Lưu Quang Thạch Lam Cẩm Ly Viễn Kiên Hạ
        Diệu Hoài Xuân Giáp Đỉnh Vương Từ Ẩn Trường Thành Mẫn
        """,
        ("windows-1258",),
    ),
    "el": (
        """
        Αλέξανδρος Καλογερόπουλος Ευφροσύνη Μπακογιάννη Θωμάς Ρουσσόπουλος Πηνελόπη Κυριακίδης Άγγελος Τζαννετάκης
        Ζήσης Γκίκας Όλγα Φραγκούλη Ίρις Ψάλτης Λουκάς Έκτορας Μαρκόπουλος Ήβη Χαραλάμπους Ντίνος Κουτσός Ώρα
        Ξυλούρης
        """,
        (
            "windows-1253",
            "iso-8859-7",
        ),
    ),
    "ru": (
        """
        Аркадий Крапивин Зинаида Юсупова Матвей Лужков Фаина Раневская Тимур Шаповалов Эмма Гордеева Платон
        Ощепков Инна Журавлёва Глеб Хлебников Ярослав Цой Римма Енотова Вадим Съедин Раиса Ёлкина Лев Толстой
        Гавриил Подъячев
        """,
        (
            "windows-1251",
            "koi8-r",
            "iso-8859-5",
            "ibm866",
            "x-mac-cyrillic",
        ),
    ),
    "uk": (
        """
        Мирослава Ґонта Єлисей Ящук Лариса Її Нечипоренко Гліб Жадан Зореслав Їжаченко Орися Кисіль Вікторія Щур
        Мілан Цимбалюк Ілля Дяченко Яким Чуб Соломія Крушельницька
        """,
        (
            "windows-1251",
            "koi8-u",
        ),
    ),
    "bg": (
        """
        Живко Стайков Зорница Бъчварова Огнян Джурков Калина Щилянова Бойко Чакъров Невена Пейчева Асен Златарски
        Юлиян Шопов Евдокия Гърнева
        """,
        (
            "windows-1251",
            "koi8-r",
            "ibm866",
        ),
    ),
    "sr": (
        """
        Ђурађ Бранковић Тијана Његомир Вук Ћопић Љубинка Џомбић Страхиња Радуловић Нађа Шћекић Хаџи Богољуб
        Кољевић Нинослав Жујовић Зорица Ђинђић
        """,
        (
            "windows-1251",
            "iso-8859-5",
        ),
    ),
    "he": (
        """
        אפרים קישון צביה לובטקין נחמן שי יהודית הנדל גדעון סער פנינה רוזנבלום עוזי חיטמן ברוריה זך טוביה צפיר
        איילת גרוס שמעון פרס
        """,
        (
            "windows-1255",
            "iso-8859-8",
        ),
    ),
    "ar": (
        """
        بهاء الدين رياض القصبجي نجلاء فتحي شادي عباس لبنى صقر مازن غريب خولة الأندلسي زياد رحباني ثريا ضاهر معن
        جواد إيهاب توفيق أنغام ظبية
        """,
        (
            "windows-1256",
            "iso-8859-6",
        ),
    ),
    "th": (
        """
        พิมพ์ชนก ลือวิเศษ กฤษฎา จำปา ฐิติมา โพธิ์ทอง ไกรสร เอี่ยมสะอาด ผ่องศรี หิรัญญา อุดม แต้พานิช เฉลิม ชุณหะ
        """,
        ("windows-874",),
    ),
    "zh": (
        """
        诸葛亮 慕容雪 尹志平 沈冰 顾晓曼 牛群 冉莹颖 霍思燕 樊振东 龚琳 柴静 翟天临 覃海洋 闫妮 邱淑贞 向佐 左小青
        """,
        ("gb18030",),
    ),
    "zh-Hant": (
        """
        蘇打綠 簡嫚書 瞿友寧 溫昇豪 隋棠 鍾欣凌 羅志祥 龔大中 巫建和 歐陽妮妮 邵雨薇 曾國城 賴雅妍 柯震東
        """,
        (
            "big5",
            "gb18030",
        ),
    ),
    "ja": (
        """
        桑田佳祐 椎名林檎 堺雅人 綾瀬はるか 仲間由紀恵 北野武 薬師丸ひろ子 稲垣吾郎 草彅剛 広瀬すず 柳楽優弥
        ペドロ ケンジ 浜辺 菅生 楢崎 久保建英
        """,
        (
            "shift_jis",
            "euc-jp",
        ),
    ),
    "ko": (
        """
        봉준호 손흥민 류현진 배두나 공유 탕웨이 설경구 허준이 곽도원 채시라 변우석 남궁민 제갈량 황정민 표예진
        옥택연
        """,
        ("euc-kr",),
    ),
    "mix": (
        """
        Götz Çelik Lefèvre Ibáñez Falcão Løkke Åkerlund Tähtinen Søndergaard Cécile Müßig Ana Bob Treviño
        Laëtitia Tomás Bärbel Gonçalo
        """,
        (
            "windows-1252",
            "macintosh",
            "iso-8859-15",
        ),
    ),
}
