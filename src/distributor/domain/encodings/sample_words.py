"""Names and other words that are typical of a language: what its letters are, how frequent, and beside which others.

The words of each language were put together for this purpose. Nearly all have letters that are not in ASCII, since the
others look the same in every encoding.
"""

from __future__ import annotations

from collections.abc import Mapping

SAMPLE_WORDS: Mapping[str, str] = {
    # Latin letters
    "de": """
        Müller Schröder Köhler Krüger Schäfer Böhm Günther Jäger Krämer Möller Lüdemann Voß Großmann Weiß Preuß Strauß
        Jürgen Jörg Björn Günter Käthe Bärbel Rüdiger Sören Mörike Hölderlin Grün König Bäcker Förster Höfer Nürnberg
        München Köln Düsseldorf Würzburg Österreich Übersicht Öztürk Ägidius Göbel Hübner Lüders Mühlbauer Brückner
        Bürger Schütz Schütte Küster Lübeck Fürst Größe Straße Fuß Süßmilch Röß Käfer Länder Gäste Tränen Väter für
        über können müssen Schönfeld Döring Gößling Hänsel Jäckel Kühn Löwe Mönch Nägele Pöhlmann Rößler Sänger
        Tönnies Zöller Wörner Häußler Geißler Kästner Öhlschläger Überall Ämter Anrede Grüße Gebühr Schlüter Grünewald
        Würth Pfändler
    """,
    "fr": """
        François Françoise Hélène Jérôme Benoît Zoé Chloé Léa Théo Noël Joël Raphaël Gaël Maël Michèle Irène Geneviève
        Agnès Thérèse Lefèvre Lefebvre Besançon Durançon Gérard André Aimé Aimée René Renée Désiré Anaïs Loïc Héloïse
        Éric Émile Élise Édouard Étienne Élodie Éléonore Évelyne Cédric Sébastien Frédéric Frédérique Stéphane
        Stéphanie Valérie Mélanie Amélie Aurélie Véronique Céline Clémence Océane Solène Maëlle Joséphine Eugénie
        Lévêque Prévôt Côme Cléo Côté Gagné Bélanger Lévesque Léger Bérubé Boisvert Mégret Pélissier Mézières Orléans
        Nîmes Forêt Château Prénom Société Adresse déjà où élève très après français garçon leçon hôtel âge tête
        fenêtre île août goût sûr Maître Câlin Gâteau Grâce Barthélemy Grégoire Grégory Jérémie Jérémy Mickaël Michaël
        Ismaël Emmanuèle Régis Rémi Rémy Timéo Inès Mathéo Adèle Angèle Danièle Gisèle Joëlle Noëlle Raphaëlle Sylvère
        Hervé Honoré Aymé Célestin Œuvre Crémieux Béchard Dupré Legrandière Rivière Mercière Carrière Lumière Ferrière
        Père Mère Frère Saint-Léon Duchêne Chêne
    """,
    "es": """
        José María Jesús Andrés Martín Ramón Joaquín Agustín Ángel Ángela Álvaro Íñigo Óscar Úrsula Núñez Muñoz Ibáñez
        Peña Ordóñez Nuño Zúñiga Castañeda Cañas Briceño Acuña Ocaña Toño Begoña Iñaki Ñíguez García Rodríguez
        González Hernández López Martínez Sánchez Pérez Gómez Fernández Ramírez Díaz Jiménez Álvarez Vásquez Gutiérrez
        Domínguez Suárez Velázquez Méndez Benítez Güemes Argüello Sofía Lucía Rocío Mónica Verónica Inés Belén Raúl
        Iván Julián Adrián Sebastián Tomás Nicolás Matías Efraín León Simón Rubén Héctor Víctor César Félix Cádiz
        Córdoba Málaga Dirección Teléfono País Correo electrónico año niño mañana español señor dueño pequeño sueño
        también está más día Bolaños Quiñones Avendaño Escudé Patiño Londoño Logroño Muñiz Yáñez Cermeño Sáenz Sáez
        Báez Páez Ríos Macías Mejía
    """,
    "pt": """
        João José António Antônio Luís Inês Conceição Assunção Gonçalves Lourenço Magalhães Guimarães Simões Brandão
        Falcão Leitão Galvão Serrão Romão Damião Sebastião Estêvão Abraão Adão Julião Gusmão Mourão Salomão Araújo
        Gonçalo Graça França Bragança Mendonça Valença Proença Fátima Glória Vitória Mónica Mônica Júlia Júlio César
        Lívia Flávio Cláudia Cláudio Sérgio Rogério Márcio Márcia Patrícia Letícia Aurélio Otávio Inácio Estácio
        Horácio Évora São Paulo Maranhão coração não então mão irmã manhã amanhã avó avô você três mês português
        inglês lições Camões Nações funções ações Simão Verônica Antônia Ângela Ângelo Ângelica Cândida Cândido Tânia
        Vânia Hermínia Belém Paraná Goiás Amapá Taubaté Cauã Thaís Taís Laís Luísa Heloísa Zuleide Corrêa Corrêia Sá
        Pará Ceará Tomé Noé Caetê Érica Ícaro Átila Úrsula Órfão Câmara Vasconcelhos Açores Paço Coraçã Moçambique
        Feijó Queirós Trás Póvoa Guarapuã
    """,
    "it": """
        Niccolò Nicolò Mosè Salomè Noè Giosuè Tommasò Forlì Cantù Mondovì Cefalù Nardò Nuccetelà Calabrò Carrà Foà
        Muscarà Dalmò Scalè città perché più così università libertà già però è può virtù lunedì venerdì Cagnà Badalà
        Santità Fumarà Laganà Macrì Nisticò Condò Barillà Scopellitì Romanò Logiudicé Caminità Cutrì Calì Alì Zappalà
        Patanè Ferlà Mulè Musumecì Leocatà Papalìa Rosalìa Àntero Èlide Òrvieto Verità Bontà Felicità Trinità Metrò
        Tribù Gesù Nunù Malù
    """,
    "nl": """
        Zoë Daniël Michaël Israëls Raphaël Joël Noëlle Loïs Anaïs Eloïse Heloïse Ruël Adriën Gabriël Michiël Maëlle
        Aäron België Italië Brazilië Australië Indonesië coördinatie reünie ideeën zeeën Curaçao René Renée Andrée
        Desirée José Geërts Briët Buïs Ataïde Croï één Hélène Cécile Anné Chloë Thaïs Danaë Naömi Joëlle Moïse Poëzie
        Zeeën Saïd Joëls
    """,
    "sv": """
        Björn Åsa Åke Märta Göran Jörgen Håkan Mårten Pär Sören Östen Örjan Ängström Öberg Åberg Sjöberg Sjöström
        Lindström Bergström Nyström Söderberg Söderström Åkesson Åström Nordström Hägglund Häggström Källström Löfgren
        Löfström Lönn Mattsson Bäckström Sandström Wikström Ekström Engström Holmström Hellström Norén Lindén Bodén
        Hallén Sundén Dahlén Malmö Göteborg Västerås Örebro Linköping Jönköping Luleå Umeå Skövde förnamn är för på
        och från där när också själv Sjögren Sjölund Åhlén Ståhl Stål Krång Blå Grå Trädgård Gård Skog Kärr Älvsjö
        Ingegärd Börje Börjesson Gösta Göte Gröndal Fält Träff Älg Öst Ängelholm Gävle Växjö Åhman Åslund Öhman Öman
        Öström Östlund Östberg Önnerud Hjälmar
    """,
    "da": """
        Søren Jørgen Jørgensen Sørensen Møller Kjær Kjærgaard Nørgaard Østergaard Bæk Bøgh Bødker Hørsholm Højgaard
        Høgh Åse Åge Ågaard Pål Håkon Bjørn Torbjørn Asbjørn Ørsted Øystein Øyvind Ødegård Bråten Strømme Sæther Sætre
        Næss Hærdis Kåre Gård Gården Dæhlie Bjørnson Grønn Grøn Holmøy Hågen Tromsø Bodø Ålesund København Ærø Århus
        Grønland Møen Kjølstad Lærke Mærsk Sæbø Jæger Krøyer Løvland Lønborg Rønne Rønning Skjønberg Skjærbæk Smørgrav
        Thygesen Brødrene Præst Åberg på også være når går får mødes sælger køber værelse Aagård Brøndum Frøya Frøydis
        Gjertrud Ingebjørg Sølvi Tønnes
    """,
    "fi": """
        Mäkinen Hämäläinen Järvinen Nieminen Mäkelä Lehtimäki Pöyry Väinö Jyväskylä Hyvinkää Äänekoski Heikkilä
        Kärkkäinen Hyttinen Päivi Tyyni Eevä Säde Ääri Östman Pärssinen Räsänen Räikkönen Häkkinen Mäntylä Rintamäki
        Ylä Väyrynen Töyry Länsi Särkkä Vänskä Häyrinen Pöllänen Pöysti Mustonen Kääriäinen Hölttä Köngäs Mönkkönen
        Närhi Sirviö Hyppönen Pylväs etunimi sähköposti tämä päivä näin että mitä työ yö Näkki Hyrylä Sepänmaa
        Ojanperä Kivimäki Syrjälä Yrjölä Rämö Höök
    """,
    "is": """
        Guðmundur Sigurður Jón Ólafur Þórður Þór Þóra Þorsteinn Árni Ásta Ásdís Björn Björk Kristín Guðrún Sigríður
        Ragnheiður Jóhanna Jóhann Bjarnadóttir Sigurðardóttir Guðmundsdóttir Jónsdóttir Þórsdóttir Ólafsson Þórðarson
        Eiríkur Hörður Pétur Páll Ágúst Ægir Össur Örn Ýmir Íris Ísak Úlfar Óðinn Freyþór Hafþór Hallgrímur Snæbjörn
        Sæunn Ævar Þuríður Kópavogur Akureyri Reykjavík Hafnarfjörður Egilsstaðir nafn það við verður fyrir Valgerður
        Steinþór Heiða Daði Eyþór Ingibjörg Sólveig Hrönn Dröfn Védís Vigdís Höskuldur Bárður Ketill Nóttin Skúli
        Súsanna Tómas Kári Rúnar Þráinn Magnús
    """,
    "et": """
        Jüri Jõgi Mägi Tõnu Tõnis Õie Ülle Ülo Märt Pärt Rõõm Rõigas Põld Põder Võsu Tänav Kõiv Sõber Lõhmus Põllu
        Väljas Käärik Räpina Põlva Võru Pärnu Jõhvi Tõnisson Jürgenson Õunapuu Ülemiste Öpik Kütt Lüüs Tüür Vähi Pähn
        Mõttus Nõmme Hõbe Möldre Söödor Kõrv Tõruke Määrits Sääsk Küla Tõll eesnimi õpetaja või töö küsimus tähtis
        Šmidt Žukov Kõrgesaar Mäekivi Lõoke Kärner Vürst Mürk Põhjala Võõras Sõrmus Jõeäär Hüva Ründo Ööbik Õnnela
        Õunas
    """,
    "lv": """
        Bērziņš Kalniņš Ozoliņš Jānis Zane Kārlis Pēteris Andris Krūmiņa Ozoliņa Liepiņa Kārkliņš Zariņš Vītols
        Eglītis Ābele Āboliņš Ķēniņš Ķirsis Ģirts Ļeņins Šmits Žagars Čakste Ēriks Ūdris Mārtiņš Mārīte Līga Ilze
        Dāvis Ēvalds Raimonds Grīnberga Pētersone Jēkabsone Lāce Vanags Rīga Daugavpils Jūrmala Liepāja Rēzekne vārds
        uzvārds ir kā tā šī būt latviešu Siliņš Krastiņš Apsītis Sprūdžs Lūsis Dzērve Vējš Zvirbulis Straziņa Kļaviņš
        Kļava Dārziņš Rozītis Skujiņš Briedītis Šķēle Šķiņķis Ieviņa Putniņa Sproģis Ģederts Ņikita Anžela Saulīte
        Ziediņa Vēja Mežs Sūna Irēna Krišjānis Līva Sandijs
    """,
    "lt": """
        Jonas Kazlauskienė Petrauskaitė Žemaitis Šimkus Černiauskas Vytautė Eglė Rasa Giedrė Jūratė Živilė Šarūnas
        Žydrūnas Čiurlionis Brazauskaitė Kazlauskas Stankevičius Jankauskienė Urbonavičius Mažeikienė Ramanauskaitė
        Savickienė Rūta Žilvinas Žygimantas Ąžuolas Ąžuolė Įmonė Ūla Ėla Šiauliai Panevėžys Klaipėda Kėdainiai vardas
        pavardė yra šių mūsų Dovilė Ieva Akvilė Agnė Ugnė Miglė Gabrielė Simonaitė Butkutė Kairytė Grigaliūnas
        Kaminskaitė Vaičiūnas Kubilius Petkevičius Paulauskienė Bagdonaitė Navickaitė Sakalauskienė Mikėnas Lukošius
        Mačiulis Rimšė Žukauskas Žalgiris Šeškinė Kęstutis Kęstas Skaistė Audrė Algė Saulė Austėja Ramunė Dalė Vilė
        Gražina Gražulis Jurgaičiūnė
    """,
    "pl": """
        Łukasz Paweł Michał Rafał Stanisław Mirosław Jarosław Wałęsa Małgorzata Żaneta Żak Żuk Źrebiec Świątek Śliwa
        Ślusarczyk Ćwik Łęcki Łuczak Łapiński Wiśniewski Wiśniewska Kamiński Kamińska Zieliński Zielińska Szymański
        Woźniak Dąbrowski Dąbrowska Kozłowski Jabłoński Król Wójcik Wróbel Górski Górska Gąsior Zając Pająk Kołodziej
        Gołębiewski Błaszczyk Kępa Sęk Bąk Mędrzycki Krzysztóf Józef Bożena Grażyna Jerzy Łucja Tomaszewski Wieczorek
        Grzegorz Różański Różycki Ząbek Kościuszko Kraków Łódź Gdańsk Poznań Wrocław Rzeszów Częstochowa imię nazwisko
        się być jest są już nie też więc źródło Stępień Słowik Kaźmierczak Jóźwiak Maćkowiak Włodarczyk Pawłowski
        Michałowska Sikora Kowalczyk Ostrowska Głowacki Kołaczkowska Matuszyński Głąb Brzęk Wędzonka Skrzypczyński
        Koźmiński Leśniak Miłosz Śmigły Żeromski Ździebło Wojtyła
    """,
    "cs": """
        Dvořák Dvořáková Novák Nováková Svoboda Svobodová Černý Černá Procházka Procházková Kučera Kučerová Veselý
        Veselá Horáková Němec Němcová Marešová Pospíšil Pospíšilová Jelínek Růžička Růžičková Fiala Sedláček Doležal
        Zeman Kolář Navrátil Čermák Čermáková Vaněk Vaňková Šťastný Šťastná Říha Říhová Řezníček Žák Žáková Žižka Jiří
        Jiřina Ondřej Tomáš Lukáš Matěj Vojtěch Zdeněk Zdeňka Květa Květoslava Božena Alžběta Štěpán Štěpánka Řehoř
        Františe František Luboš Miloš Plzeň Brno Děčín Ústí Čáslav Třebíč Příbram příjmení jméno město který při než
        tě být můžeme vůbec dům Hůlka Krůta Beneš Bláha Blažek Bureš Bartoš Hájek Holý Hruška Janeček Kadlec Kříž
        Křížová Kříčková Macháček Moravčík Nečas Pavlíček Pokorný Šimek Šebesta Ševčík Škoda Šafář Tichý Tůma Urbánek
        Vávra Vlček Zítka Ďáblík Dítě Ťapka Sýkora Kopřiva Přibyl Hrdličková Soukupová Benešová Malíková Šimůnek
        Matoušek Kratochvílová Vondráček Ptáček Slavíček Bečvář Loučka Jeřábek
    """,
    "sk": """
        Horváth Kováč Kováčová Varga Tóth Tóthová Nagy Baláž Balážová Molnár Molnárová Lukáč Kollár Polák Poliak
        Ľubomír Ľubica Ľudovít Ľuboš Ľuba Šimko Ďurica Ďuriš Žilina Trenčín Košice Prešov Dušan Miloš Štefan Štefánia
        Mária Jozef Ján Juraj Zdenko Zuzana Krajčír Krajčovič Hudák Gašparovič Rusnák Vrbovský Šoltés Žiak Blaško
        Bôrik Kôň Kŕč Stĺpec Vŕba Lučenec Ďumbier Ťažký Oťapka meno priezvisko môže môj ktorý že tiež kým deň všetko
        stôl päť mäso Mäsiar Pätoprstý Kňaz Antalík Bartošová Benko Čierna Čížik Drgoň Fedorčák Gajdošík Hanák Hlaváč
        Jurčová Kmeť Králik Ľachká Mečiar Mikloško Ondrejčák Palčo Petrík Sedlák Škultéty Šťastný Švec Uhrín Vanček
        Záhorský Zeleňák Žigmund Vaľko Kubáň
    """,
    "hu": """
        Kovács Szabó Tóth Horváth Molnár Németh Balogh Lakatos Mészáros Oláh Simon Rácz Fekete Szilágyi Török Fehér
        Gál Kiss Szűcs Szücs Kocsis Pintér Fodor Gergő Gergely Lőrinc Lőrincz Sándor László Zoltán István József János
        Ferenc Béla Géza Gábor Péter Pál Tamás Márton Máté Ádám Áron Ákos Ágnes Éva Ildikó Erzsébet Zsófia Zsófi Réka
        Dóra Flóra Móni Mária Judit Noémi Piroska Erdős Erdősi Hegedűs Vörös Kőszegi Győr Győri Győző Kővári Lévai
        Kórházi Örkény Ötvös Üveges Ócsai Úri Írók Szőke Szőllősi Bőröcz Gyöngyösi Kőrösi Köves Könyves Gyűrűs Fűzfa
        Tűzkő Nyúl Kútvölgyi Rózsa Rózsás Hős Bíró vezetéknév keresztnév cím város és egy hogy már még csak őket után
        első művészet külső Füredi Zöld Sümegi Bükki Süle Dömötör Böröndi Görög Kökény Tőkés Bődör Csűrös Gyűjtő
        Fürtös Mihály Gáspár Vilmos Jenő Dezső Ernő Rezső Emőke Tünde
    """,
    "ro": """
        Ștefan Ştefan Ștefănescu Ştefănescu Ionuț Ionuţ Mihăilă Mihăilescu Băsescu Pădureanu Constanța Constanţa
        Tănase Tănăsescu Călin Cătălin Cătălina Răzvan Mădălina Nicoleta Ilinca Dănuț Dănuţ Rădulescu Pătrașcu
        Pătraşcu Ţepeş Țepeș Brașov Braşov Iași Iaşi Bacău Galați Timișoara Câmpina Cîmpeanu Târgu Brânză Sârbu
        Cârstea Mândruță Văcărescu Măgureanu Stănescu Stănică Bălan Bălănescu Năstase Ciucă Bogdănescu Moldoveanu
        Ursăcescu Șerban Şerban Pârvu Pârvulescu Vîlcu prenume și în să că nu după până fără ţară țară învăţător
        Puşcaş Lupaşcu Grigoraş Ţurcanu Creţu Crețu Olteniţa Lăpuşneanu Mureșan Mureşan Crișan Crişan Moţoc Neacşu
        Dragoş Dragomirişteanu Păun Lăcătuş Cîrlan Dobriţa Ioniţă Roşu Roșu Şandru
    """,
    "hr": """
        Marković Petrović Jovanović Nikolić Đorđević Đurić Stanković Ilić Pavlović Milošević Kovačević Kovačić Horvat
        Babić Jurić Novak Knežević Marić Perić Matić Tomić Božić Blažević Grgić Šarić Šimić Šimunović Pavić Radić
        Lučić Živković Žagar Žnidarič Čehovin Čop Ćosić Ćurić Đukanović Đoković Čović Dragić Dončić Krešimir Željko
        Željka Živko Miloš Anđela Anđelka Jelušić Slavče Mladenović Matjaž Tomaž Boštjan Aljaž Nejc Jože Urša Špela
        Ožbej Žiga Kočevar Zupančič Krajnc Hočevar Vidmar Turk Golob Češnjar Žibert Štrukelj Šuštar Rožič Mlakar Jerič
        Bizjak ime prezime više što kao već može Sarajevo Niš Čačak Županja Požega Šibenik Brčko Goražde Hadžić Bešić
        Begović Mehmedović Hodžić Imamović Softić Delić Dedić Šehić Kurtić Muratović Čaušević Hrženjak Vučković
        Bošković Lovrić Škoro Tadić Vlahović Zorić Jakšić Kežman
    """,
    "sq": """
        Gëzim Fatmirë Shqipëri Përparim Përlat Çelik Çlirim Ilirë Vjollcë Blerinë Bukurië Dritë Mirëvete Lulëzim
        Kujtim Bajramë Këngë Tiranë Gjirokastër Durrës Vlorë Prishtinë është një për që në Çajupi Berishë Hoxhë
        Gjergjë Jetmirë Agronë Shkëlqim Shpëtim Krenarë Dëshirë Kadare Rexhë Hysë Çeku Xhaçka Manëshahe emër mbiemër
        përmendur Vëllezër Zëri Mëhill Përmet Gjonë
    """,
    "tr": """
        Yıldız Yılmaz Yıldırım Öztürk Özdemir Özkan Özgür Özlem Şahin Şimşek Şeker Şen Şenol Çelik Çetin Çiçek Çakır
        Çağlar Aydın Kılıç Kaya Arslan Doğan Doğu Erdoğan Koç Kurt Aslan Güneş Gündüz Gürbüz Güler Gül Gülşen Ünal
        Ünlü Ümit Uğur Oğuz Oğuzhan Tuğba Tuğrul Yiğit Ayşe Ayşegül Fatma Işık Işıl İbrahim İsmail İstanbul İzmir
        İlker İlknur İnci İpek İrem Barış Bülent Çağrı Büşra Sıla Nazlı Kadıköy Aktaş Taş Karataş Türkmen Türk Başak
        Başaran Bozkır Kırmızı Sarı Ağaç Bağcı Demircioğlu Müftüoğlu Kocaoğlu Hacıoğlu Altıntaş Güçlü Göksel Gökhan
        Köksal Söğüt Tütüncü Üstün adı soyadı için şu iş değil gün müşteri Çalışkan Ateş Coşkun Tekın Akın Yalçın
        Ertuğrul Fırat Sırrı Hakkı Rıza Rıfat Nurşen Serdaroğlu Şükrü
    """,
    "ca": """
        Núria Mònica Mercè Jordi Andreu Raül Lluïsa Lluís Joaquim Francesc Àngel Àngels Òscar Ònia Èlia Íngrid Martí
        Agustí Sebastià Bartomeu Puigdemont Solé Sardà Garí Farré Ferré Roqué Balcells Casanovas Calçada Barça Vinaròs
        Gràcia Sants València Mallorquí Català açò això també què més després Collboní Muntané Panadès Cortès Pagès
        Francès Veciana Güell Argüelles Ràfols Pàmies Cèsar Dídac Víctor Oriol Àfrica Glòria Verònica Maçanet Llorenç
        Vicenç Climent Junyent Pujalté Boté
    """,
    "vi": """
        Nguyễn Trần Lê Phạm Hoàng Huỳnh Phan Vũ Võ Đặng Bùi Đỗ Hồ Ngô Dương Lý Đinh Đoàn Trịnh Mai Hà Tạ Cao Lương
        Thái Văn Thị Hữu Đức Minh Hùng Dũng Cường Tuấn Hiếu Nghĩa Khánh Thảo Phương Hương Lan Hằng Thủy Thúy Ngọc Bích
        Trúc Huyền Trâm Mỹ Ánh Yến Quỳnh Như Việt Quốc Bảo Phúc Tấn Tú Trí Đạt Thắng Sơn Hải Đông Nhật Nguyệt Hạnh
        Liên Hồng Đào Cúc Hiền Diễm Lệ Mạnh Chiến Vinh Thành Đạo Tiến Lộc Phước Thọ Kiều Oanh Thu Hòa Hậu Giang Sài
        Gòn họ tên địa chỉ điện thoại
    """,
    "cy": """
        Siân Gŵyl Gruffydd Llŷr Ŵyn Tŷ Dŵr Môn Siôn Gwenllïan Iôn Ynyr Tân Gwên Pêr Lôn Ffôn Tŷhen Rhŷs Tôn Cân Tŵr
        Cŵn
    """,
    "ga": """
        Seán Siobhán Sinéad Caoimhín Éamon Eilís Áine Órla Úna Íde Ó Máire Niamh Róisín Ciarán Pádraig Tomás Séamus
        Mícheál Gearóid Diarmuid Aodhán Bríd Cáit Colmán Fionnán Lúnasa Nuála Ríona Sorcha Muiréad Rónán Dónal Eoghán
        Cillín
    """,
    "eo": "Ĉapelo Ĝardeno Ĥoro Ĵurnalo Ŝipo Ŭato aŭtuno ĉiuj ĝi ŝi antaŭ ankaŭ saĝa naŭ manĝaĵo eĥoŝanĝo",
    "mt": "Ħamrun Żejtun Għawdex Ċensu Ġorġ Żebbuġ Mħar Ġużè Naxxar Bħal Ħal Borġ Spiteri Għarb Ċirkewwa Ħaż",
    # Greek
    "el": """
        Γιώργος Γεώργιος Παπαδόπουλος Παπαδοπούλου Ιωάννης Γιάννης Δημήτρης Δημήτριος Κώστας Κωνσταντίνος Νίκος
        Νικόλαος Μαρία Ελένη Αικατερίνη Κατερίνα Βασίλης Βασιλική Χρήστος Σπύρος Παναγιώτης Θεόδωρος Αθανάσιος Θανάσης
        Ευάγγελος Στέλιος Αντώνης Μιχάλης Αναστασία Σοφία Άννα Αγγελική Ευαγγελία Φωτεινή Δέσποινα Γεωργία Ιωάννα Ζωή
        Ξένια Ψαλίδας Ρένα Έλλη Οικονόμου Γεωργίου Δημητρίου Νικολάου Ιωάννου Βλάχος Μακρής Αγγελόπουλος Καραγιάννης
        Χατζής Λάμπρος Τσίπρας Μητσοτάκης Σαμαράς Όνομα Επώνυμο Ηλεκτρονικό Διεύθυνση και του της που είναι για από
        Αθήνα Θεσσαλονίκη Πάτρα Ηράκλειο Άρης Ήρα Ίων
    """,
    # Cyrillic
    "ru": """
        Иванов Иван Иванова Смирнов Смирнова Кузнецов Попов Васильев Петров Петрова Соколов Михайлов Новиков Фёдоров
        Морозов Волков Алексеев Лебедев Семёнов Егоров Павлов Козлов Степанов Николаев Орлов Андреев Макаров Никитин
        Захаров Зайцев Соловьёв Борисов Яковлев Григорьев Романов Воробьёв Сергеев Кузьмин Фролов Александров Дмитриев
        Королёв Гусев Киселёв Ильин Максимов Поляков Сорокин Виноградов Ковалёв Белов Медведев Антонов Тарасов Жуков
        Баранов Филиппов Комаров Давыдов Александр Сергей Дмитрий Андрей Алексей Максим Евгений Владимир Михаил
        Николай Юрий Артём Антон Павел Роман Виктор Игорь Олег Анна Елена Ольга Наталья Екатерина Татьяна Ирина Мария
        Светлана Юлия Анастасия Людмила Галина Валентина Ксения Надежда Любовь Щербаков Чернов Цветков Эдуард Яна
        Харитонов Шевцов Ульянов имя фамилия город почта что как это для или был очень все она его только ещё когда
        после Москва Санкт Петербург Екатеринбург Хабаровск Челябинск Объедков Съёмкин
    """,
    "uk": """
        Шевченко Коваленко Бондаренко Ткаченко Кравченко Олійник Шевчук Поліщук Ковальчук Мельник Іваненко Іван Ігор
        Їжакевич Євген Євгенія Ґалаґан Андрій Сергій Олексій Володимир Микола Юрій Дмитро Василь Петро Михайло Тарас
        Богдан Ярослав Остап Наталія Олена Ірина Тетяна Оксана Людмила Світлана Марія Катерина Юлія Ганна Надія Софія
        Зінаїда Мар яна Лідія Київ Львів Харків Одеса Дніпро Запоріжжя ім'я прізвище місто що як це для або був дуже
        всі вона його тільки ще після Гнатюк Левчук Савченко Петренко Руденко Марченко Лисенко Мороз Клименко
        Кузьменко Павленко Литвиненко Назаренко Гончаренко Яценко Чорновіл Українка Хмельницький Франко Стефаник
        Мирний Кобилянська Рильський Довженко Сосюра Тичина Підмогильний
    """,
    "bg": """
        Иванов Иванова Георгиев Георгиева Димитров Димитрова Петров Петрова Николов Николова Христов Христова Стоянов
        Стоянова Илиев Тодоров Ангелов Стефанов Михайлов Йорданов Йорданова Василев Попов Атанасов Кръстев Кръстева
        Първанов Първанова Съев Щерев Цветанов Цветанка Ангел Красимир Пламен Стоян Христо Димитър Георги Николай
        Петър Тодор Васил Йордан Любомир Мария Елена Десислава Гергана Радостина Росица Снежана Ваня Силвия Теодора
        България София Пловдив Варна Бургас Търново име фамилия град който това като със към след беше първи Въчков
        Гълъбов Дърводелов Къдринов Мърков Пъков Жельо Вълчо
    """,
    "sr": """
        Јовановић Петровић Николић Марковић Ђорђевић Стојановић Илић Станковић Павловић Милошевић Јелена Љиљана Љубица
        Његош Ђурђа Ђурић Ћирић Ћосић Џајић Жељко Живковић Шћепан Чедомир Јован Јово Драгољуб Милица Ана Марија
        Снежана Гордана Александар Никола Стефан Милан Душан Зоран Горан Дејан Немања Стеван Вељко Његован Милутин
        Радивоје Љубомир Сања име презиме град који што као већ може Београд Ниш Крагујевац Ужице Ѓорѓи Ќосев
        Јорданоски Ѓорѓиевски Ристовски Ѕвезда
    """,
    "be": """
        Іваноў Пятроў Кузняцоў Казлоў Навіцкі Жукоўскі Каваленка Лукашэнка Васільеў Сяргей Аляксандр Аляксей Дзмітрый
        Уладзімір Мікалай Юрый Віктар Ігар Андрэй Яўген Святлана Алена Вольга Наталля Тацяна Ірына Кацярына Людміла
        Мінск Гомель Магілёў Віцебск Гродна Брэст імя прозвішча горад што гэта для быў вельмі Быкаў Караткевіч
        Багдановіч Купала Колас Ажэшка Шчэрба
    """,
    # Scripts without case
    "he": """
        כהן לוי מזרחי פרץ ביטון דהן אברהם פרידמן מלכה אזולאי כץ יוסף דוד עמר חדד גבאי בן דוד אשכנזי סגל שפירא רוזן
        שלום משה יעקב יצחק שמואל דניאל מיכאל אריאל יונתן נועם איתי עומר גיא רונן אורי שרה רחל לאה רבקה מרים חנה אסתר
        נועה תמר מאיה יעל עדי שירה מיכל ענת רונית גלית אורית ירושלים חיפה תל אביב שם פרטי משפחה של את על זה לא כל עם
        היא הוא יום ץ ברק ברקוביץ קפלן גולן הראל שחר ניר צבי פנחס טל זהבה סופר חיים מרדכי נחום אהרן
    """,
    "ar": """
        محمد أحمد محمود علي حسن حسين عمر خالد يوسف إبراهيم عبد الله الرحمن العزيز الكريم سعيد سالم ناصر فهد سعود فيصل
        طارق ياسر مصطفى جمال كمال هشام وليد فاطمة عائشة مريم خديجة زينب نور سارة ليلى هدى منى أمل رنا ريم دينا سلمى
        نادية سميرة الحسيني المصري الشامي التميمي القحطاني الغامدي الزهراني الشمري العتيبي الدوسري الخطيب النجار
        الحداد الصالح شريف قاسم حمزة بلال ضياء ظافر غسان ثامر ذكرى بشرى اسم العائلة البريد المدينة من في على إلى هذا
        التي كان بعد القاهرة دمشق بغداد الرياض جدة بيروت رؤى وائل رائد هناء وفاء آمنة آدم
    """,
    "th": """
        สมชาย สมหญิง สมศักดิ์ สมบัติ ประเสริฐ ประยุทธ์ วิชัย สุชาติ สุรชัย สุดา มาลี วรรณา กัญญา นภา อรทัย ศิริพร พรทิพย์ จันทร์ ณัฐพล ธนากร
        ชัยวัฒน์ อนันต์ ปรีชา บุญมี ใจดี ทองดี แก้วมณี ศรีสุข วงศ์ใหญ่ รักไทย แสงจันทร์ พงษ์ไพบูลย์ สุวรรณ ชินวัตร จำเริญ จำนงค์ จำปี อำนาจ อำพล
        คำแสน สำราญ สำเนียง ลำไย บัวผัน ดอกไม้ ปราณี ปราโมทย์ พิชิต พิมพา รัชนี ลัดดา วีระ วิมล ศักดิ์ชัย สุรพล สุนทร อุไร อรุณ เอกชัย กาญจนา
        กิตติศักดิ์ ขวัญใจ จิราพร จันทนา ชลธิชา ณรงค์ ดารุณี ทวีศักดิ์ ธีระ นิภา บุญเลิศ ประภาส ผ่องใส ฝนทิพย์ พงศ์พันธุ์ ภาณุ มานพ ยุพา ระวี ลำดวน
        เจียม เดชา โสภา ไพโรจน์ ใหม่ แสงดาว โชติ ฉลอง ถาวร เฟื่องฟ้า หทัย อัมพร ฐานิดา ญาณี เจริญ เพชรรัตน์ ดวงใจ กมล ชื่อ นามสกุล อีเมล
        ที่อยู่ กรุงเทพ เชียงใหม่ ภูเก็ต และ ของ ใน เป็น ไม่ ได้ ที่ จะ มี ว่า นี้
    """,
    # Characters, without spaces
    "zh-Hans": """
        王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈
        伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂小红玉华建国文志海云峰琳雪梅婷慧颖佳欣怡浩宇轩子涵梓
        孔白武段侯邵龙万雷钱汤尹黎易常乔贺赖龚文庞樊兰殷施陶洪翟安颜倪严牛温芦季俞章鲁葛伍韦申尤毕聂丛焦向柳
        欧阳司马诸葛慕容俊凯思雨欣悦梦琪雅诗韵露薇菲蕾莉珍琴香翠丹凤燕莲珠素春菊爱锦绣霖泽楠榕航达信义忠诚良
        姓名邮箱地址电话公司先生女士的一是不了在人有我他这中大来为个到说们以和天很好国年生龙凤春夏秋冬永安宁
        姚卢姜崔钟谭陆汪范金石 晨俊豪东南西北京上广州 邢路岳齐沿梅莫庄辛管祝左涂 才发财福禄寿喜旺盛兴荣
        波成都重庆武汉长江青山
    """,
    "zh-Hant": """
        陳林黃張李王吳劉蔡楊許鄭謝郭洪曾邱廖賴徐周葉蘇莊呂江何蕭羅高潘簡朱鍾游彭詹胡施沈余盧梁趙顏柯翁魏孫戴
        怡君雅婷淑芬美玲惠麗華志明俊傑建宏家豪冠宇宗翰佳穎欣怡承恩宜蓁子軒品妤國文雄英秀月雲龍鳳春福榮貴德信
        蕭袁卓簡温尤阮姚連溫歐陽童紀巫石古康塗藍馮倪嚴董鐘程瞿田華汪白毛康邵孔涂賀龔錢葛韓鄒隋甯寧妮祥凱鋒霆
        筱涵欣妤柏翰冠廷彥廷哲瑋智凱振東昇佑宸睿恩羽彤詠晴可心采潔思妤郁婷佩珊惠雯淑娟美雲玉梅春嬌金龍水木火
        范方宋鄧杜傅侯曹薛丁 義仁和平臺灣北中南高雄 綺倩蓉靜慧敏娟萍鳳珍瑞祐 土添財進益順興旺萬發
        姓名郵箱電話地址公司先生小姐的一是不了在人有我他這中大來為個到說們以天很好年生香港九龍新界澳門
    """,
    "ja": """
        佐藤鈴木高橋田中伊藤渡辺山本中村小林加藤吉田山田佐々木山口松本井上木村林斎藤清水山崎森池田橋本阿部石
        長谷川村上近藤石井坂本遠藤青木藤井西村福田太田三浦岡本松田中川中野原田小野竹内金子和田中山石田上田森
        太郎花子一郎次郎健太翔大輔拓也直樹達也和也雄一誠隆浩美咲陽子恵子裕子由美真由美智子久美子明子幸子愛結
        川前田藤田小川後藤岡田 田原柴田酒井工藤横山宮崎 衣葵さくら東京大阪名古屋 飯塚 大塚 平野 久保 松尾 菊地 佐野
        杉山 新井 小島 今井 河野 藤原 増田 千葉 谷口 丸山 大野 高木 安藤 武田 上野 島田 菅原 桜井 市川 水野 吉川 北村
        五十嵐 浜田 渡部 星野 大西 平田 川口 中島 樋口 広瀬 菅野 稲垣 服部 桑原 堀内 相馬 椎名 綾瀬 矢野 篠原 古川
        岩崎 今村 福島 松永 望月 早川 結菜 陽菜 莉子 凛 杏 蓮 湊 樹 悠真 陽翔 颯太 大和 優斗 隼人 亮 学 誠 剛 進 勇 茂
        実 武 博 勝 清 弘 彩 舞 遥 香織 真由美 千尋 純 薫 光 氏名住所様株式会社の に は を た が で て と し れ さ
        ある いる も する から な こと として い や よう また もの アンナ マリア ジョン スミス タロウ ハナコ サトウ
        スズキ タナカ ヤマダ メール アドレス
    """,
    "ko": """
        김이박최정강조윤장임한오서신권황안송류전홍고문양손배백허유남심노하곽성차주우구나민진지엄채원천방공현
        민준서연도윤하은시우지호예준주원수아지우서현민서현우지훈건우우진선우서진유진채원은우지민수빈지현혜진
        함변염여추도소석선설마길 미경영희영수철수순자정숙
        경숙정희은주성호상훈동현재현준호태현승민이름메일주소전화회사서울부산대구인천광주대전울산제주의 가 을 를 에 는
        은 로 하다
    """,
}
